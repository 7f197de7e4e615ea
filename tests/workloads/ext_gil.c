/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An extension module, built by tests (tests/e2e/ext.py) for one interpreter each, and not by make.
 *
 * Truth, by macros: EXT_NAME is its name. It declares EXT_SLOT (Py_MOD_GIL_USED or _NOT_USED) as
 * Py_mod_gil, or has no such slot when that is not defined. EXT_SINGLE: single-phase
 * initialisation; with EXT_SET it hands that to PyUnstable_Module_SetGIL(). How the definition is
 * reached: EXT_POINTER through a pointer in the data, EXT_HEAP it is allocated, EXT_LATE its slots
 * are written when it is initialised. EXT_OTHER: it makes a submodule, whose definition says the
 * contrary of the module's own.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

static PyObject *answer(PyObject *self, PyObject *args)
{
	(void)self;
	(void)args;
	return PyLong_FromLong(42);
}

static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};

static int run(PyObject *m)
{
	return PyModule_AddIntConstant(m, "loaded", 1);
}

#ifdef EXT_OTHER
static PyModuleDef_Slot other_slots[] = {{Py_mod_gil, EXT_OTHER}, {0, NULL}};
static struct PyModuleDef other = {
	PyModuleDef_HEAD_INIT,
	.m_name = TEXT(EXT_NAME) ".other",
	.m_slots = other_slots,
};
#endif

#ifndef EXT_SINGLE
static PyModuleDef_Slot slots[] = {
	{Py_mod_exec, run},
#if defined(EXT_SLOT) && defined(EXT_LATE)
	{0, NULL},
#elif defined(EXT_SLOT)
	{Py_mod_gil, EXT_SLOT},
#endif
	{0, NULL},
};
#endif

static struct PyModuleDef def = {
	PyModuleDef_HEAD_INIT,
	.m_name = TEXT(EXT_NAME),
	.m_methods = methods,
#ifndef EXT_SINGLE
	.m_slots = slots,
#endif
};

#ifdef EXT_POINTER
static struct PyModuleDef *volatile pointer = &def;
#endif

PyMODINIT_FUNC JOIN(PyInit_, EXT_NAME)(void)
{
	struct PyModuleDef *d = &def;

#ifdef EXT_POINTER
	d = pointer;
#endif
#ifdef EXT_HEAP
	d = malloc(sizeof(*d));
	if (!d)
		return PyErr_NoMemory();
	*d = def;
#endif
#if defined(EXT_SLOT) && defined(EXT_LATE)
	slots[1].slot = Py_mod_gil;
	slots[1].value = EXT_SLOT;
#endif
#ifdef EXT_OTHER
	PyModuleDef_Init(&other);
#endif
#ifdef EXT_SINGLE
	PyObject *m = PyModule_Create(d);

#if defined(EXT_SET) && defined(Py_GIL_DISABLED)
	if (m)
		PyUnstable_Module_SetGIL(m, EXT_SET);
#endif
	if (m && run(m)) {
		Py_DECREF(m);
		return NULL;
	}
	return m;
#else
	return PyModuleDef_Init(d);
#endif
}
