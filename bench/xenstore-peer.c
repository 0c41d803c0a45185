/*
 * Lets Debian's C xenstored run without Xen, for comparison: preloaded, it stands in for the calls to the hypervisor
 * that the daemon makes at its start and when a domain's state is asked for. No domain ever connects.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

static char handle[16];
static int events = -1;

void *xc_interface_open(void *log, void *dombuild_log, unsigned flags) { return handle; }
int xc_interface_close(void *xc) { return 0; }
/* Every domain is there. */
int xc_domain_getinfo(void *xc, uint32_t first, unsigned count, uint32_t *info) { *info = first; return 1; }

void *xenevtchn_open(void *log, unsigned flags) { events = eventfd(0, 0); return handle; }
void *xenevtchn_fdopen(void *log, int fd, unsigned flags) { events = fd; return handle; }
int xenevtchn_fd(void *xce) { return events; }
int xenevtchn_bind_virq(void *xce, unsigned virq) { return 1; }
int xenevtchn_bind_interdomain(void *xce, uint32_t domid, uint32_t port) { return 2; }
int xenevtchn_notify(void *xce, uint32_t port) { return 0; }
int xenevtchn_pending(void *xce) { return -1; }
int xenevtchn_unbind(void *xce, uint32_t port) { return 0; }
int xenevtchn_unmask(void *xce, uint32_t port) { return 0; }

void *xengnttab_open(void *log, unsigned flags) { return handle; }
int xengnttab_close(void *xgt) { return 0; }
int xengnttab_set_max_grants(void *xgt, uint32_t count) { return 0; }
void *xengnttab_map_grant_ref(void *xgt, uint32_t domid, uint32_t ref, int prot) { return calloc(1, 4096); }
int xengnttab_unmap(void *xgt, void *start, uint32_t count) { return 0; }

/* The kernel of a dom0 says in two files where its own ring is. */
static int kernels_file(const char *path)
{
	int fd = memfd_create("xenstored", 0);

	if (strstr(path, "port") != NULL) {
		if (write(fd, "1\n", 2) != 2)
			return -1;
		lseek(fd, 0, SEEK_SET);
	} else if (ftruncate(fd, 4096) != 0) {
		return -1;
	}
	return fd;
}

int open(const char *path, int flags, ...)
{
	int (*libc_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
	va_list more;
	int mode = 0;

	if (strstr(path, "xsd_port") != NULL || strstr(path, "xsd_kva") != NULL)
		return kernels_file(path);
	if (flags & O_CREAT) {
		va_start(more, flags);
		mode = va_arg(more, int);
		va_end(more);
	}
	return libc_open(path, flags, mode);
}
