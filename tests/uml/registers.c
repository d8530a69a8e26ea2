/* The processor's registers of a guest's process, between the kernel of the guest and that of the machine.
 *
 * Linux 6.1 as a process (user-mode-linux) keeps 2696 bytes of them: all that there was up to AVX-512. The machine's
 * kernel takes the whole set or nothing (arch/x86/kernel/fpu/regset.c), which is more where the processor has AMX, and
 * the guest ends at its first process: "ptrace set fp regs failed, errno = 14". This library comes before libc in the
 * guest's kernel (LD_PRELOAD) and adds what is missing; nothing in a guest uses those registers.
 *
 * It also leaves out to write what has just been read: the guest does both at every system call.
 */

typedef unsigned char u8;
struct part { void *base; unsigned long length; };

extern void *dlsym(void *, const char *);
extern void *memcpy(void *, const void *, unsigned long);
extern int memcmp(const void *, const void *, unsigned long);
static void *const next = (void *) -1;

/* sys/ptrace.h, linux/elf.h */
enum { READ = 0x4204, WRITE = 0x4205, PROCESSOR = 0x202 };
enum { READ_GENERAL = 12, WRITE_GENERAL = 13, READ_SIGNAL = 0x4202 };

/* Its kernel has one processor, so no two calls at a time. The end of `whole` stays zero: registers not in use. */
static u8 whole[65536], last[65536];
static unsigned long size, length;
static long owner;

long ptrace(long request, long process, long kind, struct part *part)
{
	static long (*call)(long, long, long, struct part *);
	if (!call)
		call = dlsym(next, "ptrace");
	if ((request != READ && request != WRITE) || kind != PROCESSOR || part->length > sizeof last) {
		if (request != READ_GENERAL && request != WRITE_GENERAL && request != READ_SIGNAL)
			owner = 0; /* it may run */
		return call(request, process, kind, part);
	}
	if (request == READ) {
		long failed = call(request, process, kind, part);
		owner = failed ? 0 : process;
		length = part->length;
		if (!failed)
			memcpy(last, part->base, length);
		return failed;
	}
	if (owner == process && part->length == length && !memcmp(last, part->base, length))
		return 0;
	owner = 0;
	if (!size) {
		struct part all = { whole, sizeof whole };
		if (call(READ, process, kind, &all))
			return -1;
		size = all.length;
		for (unsigned long at = 0; at < size; at++)
			whole[at] = 0;
	}
	if (part->length >= size)
		return call(request, process, kind, part);
	struct part all = { whole, size };
	memcpy(whole, part->base, part->length);
	return call(request, process, kind, &all);
}
