// SPDX-License-Identifier: BSD-2-Clause
// Prints how the Firefox profiler itself understands a profile, through its command line:
// `node firefox.mjs [--files] FILE` gives
//
//     {"unit", "total", "functions": [{"name", "file", "line", "self", "total"}],
//      "threads": [{"name", "total", "functions"}]}
//
// The figures are those of its list of functions, idle samples included, summed over the threads.
// Times are in nanoseconds ("unit" is then "nanoseconds"); a profile without times has "samples".
// "line" is null: the command line does not print it. "file" is null without --files, which asks
// once a function (0.1 s each) and adds "lines": {FILE: [{"line", "self", "total"}]}, summed
// likewise. Largest "total" first.
import { execFile, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const modules = fileURLToPath(new URL('../../build/readers/node_modules', import.meta.url))
const cli = path.join(modules, '@firefox-devtools/profiler-cli/dist/profiler-cli.js')
const run = promisify(execFile)

// It keeps a daemon for a loaded profile, found through a folder; the path of its socket is short.
const session = fs.mkdtempSync(path.join(os.tmpdir(), 'ftprof-'))
const env = { ...process.env, PROFILER_CLI_SESSION_DIR: session }
const ready_ms = 60_000

async function ask(...args) {
	const { stdout } = await run(process.execPath, [cli, ...args], { env, maxBuffer: 1 << 30 })
	return args.includes('--json') ? JSON.parse(stdout) : stdout
}

const byTotal = (a, b) => b.total - a.total || b.self - a.self || (a.name < b.name ? -1 : 1)

function scale({ weightType }) {
	if (weightType === 'tracing-ms') return 1e6
	if (weightType === 'samples') return 1
	throw new Error(`unexpected weight type ${weightType}`)
}

const figures = (each, factor) => ({
	self: Math.round(each.selfSamples * factor), total: Math.round(each.totalSamples * factor),
})

async function askThread({ threadHandle, name }) {
	const options = ['--thread', threadHandle, '--include-idle', '--json']
	const list = await ask('thread', 'functions', '--limit', '0', ...options)
	const tree = await ask('thread', 'samples-top-down', '--max-lines', '1', ...options)
	const factor = scale(list)
	if (list.functions.length !== list.totalFunctionCount) {
		throw new Error(`${list.functions.length} of ${list.totalFunctionCount} functions listed`)
	}
	// Its "name" is what follows the first '!', also where no library stands before that.
	const functions = list.functions.map(each => ({
		name: each.nameWithLibrary, file: null, line: null, ...figures(each, factor), handle: each.functionHandle,
	}))
	return { threadHandle, name, factor, functions: functions.sort(byTotal),
		total: Math.round(tree.regularCallTree.totalSamples * factor) }
}

// Sets the files of a thread's functions and adds to `lines`, whose figures are of whole files.
async function askFiles(thread, lines) {
	const seen = new Set()
	await ask('thread', 'select', thread.threadHandle)
	for (const each of thread.functions) {
		const { srcAnnotation } = await ask('function', 'annotate', each.handle, '--mode', 'src',
			'--context', '0', '--json')
		each.file = srcAnnotation?.filename ?? null
		if (each.file === null || seen.has(each.file)) continue
		seen.add(each.file)
		const known = lines.get(each.file) ?? new Map()
		lines.set(each.file, known)
		for (const at of srcAnnotation.lines) {
			const { self, total } = figures(at, thread.factor)
			const sum = known.get(at.lineNumber) ?? { line: at.lineNumber, self: 0, total: 0 }
			known.set(at.lineNumber, { ...sum, self: sum.self + self, total: sum.total + total })
		}
	}
}

// A handle names the same function in every thread.
function sum(threads) {
	const functions = new Map()
	for (const each of threads.flatMap(({ functions }) => functions)) {
		const known = functions.get(each.handle) ?? { ...each, self: 0, total: 0 }
		known.self += each.self
		known.total += each.total
		functions.set(each.handle, known)
	}
	return [...functions.values()].sort(byTotal)
}

// Starts the daemon as "load" does, which gives it half a second only, and then leaves it behind.
function start(file) {
	const daemon = spawn(process.execPath, [cli, '--daemon', path.resolve(file), '--session', 's'],
		{ env, stdio: 'ignore' })
	daemon.gone = new Promise(resolve => {
		daemon.once('exit', resolve)
		daemon.once('error', resolve)
	})
	return daemon
}

// The list of threads, once the profile is loaded. Before the socket is there nothing may be asked:
// the one who asks takes the session for dead, and removes its files.
async function threadsOf(daemon) {
	const end = Date.now() + ready_ms
	const published = () => ['s.json', 's.sock', 'current.txt'].every(name =>
		fs.existsSync(path.join(session, name)))
	for (;;) {
		if (daemon.exitCode !== null || daemon.signalCode !== null || Date.now() > end) {
			const log = path.join(session, 's.log')
			throw new Error(`not loaded: ${fs.existsSync(log) ? fs.readFileSync(log, 'utf8') : ''}`)
		}
		if (published()) {
			try {
				return await ask('thread', 'list', '--limit', '0', '--json')
			} catch (error) {
				if (/Profile load failed/.test(error.stderr)) throw error
			}
		}
		await sleep(20)
	}
}

async function read(daemon, files) {
	const listed = await threadsOf(daemon)
	const threads = []
	const lines = new Map()
	for (const each of listed.threads.sort((a, b) => a.threadIndex - b.threadIndex)) {
		const thread = await askThread(each)
		if (files) await askFiles(thread, lines)
		threads.push(thread)
	}
	const factors = new Set(threads.map(({ factor }) => factor))
	if (factors.size !== 1) throw new Error('no threads, or some with times and some without')
	const result = {
		unit: factors.has(1) ? 'samples' : 'nanoseconds',
		total: threads.reduce((all, { total }) => all + total, 0),
		functions: sum(threads),
		threads: threads.map(({ name, total, functions }) => ({ name, total, functions })),
	}
	if (files) {
		const sorted = known => [...known.values()].sort((a, b) => a.line - b.line)
		result.lines = Object.fromEntries([...lines].map(([name, known]) => [name, sorted(known)]))
	}
	return JSON.stringify(result, (key, value) => key === 'handle' ? undefined : value)
}

const args = process.argv.slice(2)
const files = args[0] === '--files'
if (files) args.shift()
if (args.length !== 1) throw new Error('usage: firefox.mjs [--files] FILE')
if (!fs.existsSync(args[0])) throw new Error(`${args[0]} is not there`)
const daemon = start(args[0])
try {
	console.log(await read(daemon, files))
} catch (error) {
	console.error(error.stderr || error)
	process.exitCode = 1
} finally {
	daemon.kill()
	await daemon.gone
	fs.rmSync(session, { recursive: true, force: true })
}
