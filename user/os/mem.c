/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads of another process's memory, without stopping it. */
#include "os/mem.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define PAGE 4096u

int ft_mem_read(int pid, __u64 addr, void *buf, size_t n)
{
	struct iovec remote = {.iov_base = (void *)(uintptr_t)addr, .iov_len = n};

	if (!n)
		return 0;
	if (addr + n < addr)
		return -EFAULT;
	return ft_mem_readv(pid, &remote, 1, buf, n);
}

int ft_mem_readv(int pid, const struct iovec *remote, size_t cnt, void *buf, size_t n)
{
	struct iovec local = {.iov_base = buf, .iov_len = n};
	ssize_t got = process_vm_readv(pid, &local, 1, remote, cnt, 0);

	if (got < 0)
		return -errno;
	return (size_t)got == n ? 0 : -EFAULT;
}

int ft_mem_string(int pid, __u64 addr, char *buf, size_t sz)
{
	size_t done = 0;
	int err;

	if (!sz)
		return -EINVAL;
	while (done < sz - 1) {
		/* never across a page: the string may end just before an unmapped one */
		size_t n = PAGE - ((addr + done) & (PAGE - 1));

		if (n > sz - 1 - done)
			n = sz - 1 - done;
		err = ft_mem_read(pid, addr + done, buf + done, n);
		if (err) {
			buf[0] = 0;
			return err;
		}
		if (memchr(buf + done, 0, n))
			return 0;
		done += n;
	}
	buf[done] = 0;
	return 0;
}
