/* Runs two tiny guests by /dev/kvm, one in real mode and one in long mode, and prints what they did. */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define MEMORY 0x200000
#define CODE 0x1000
#define PORT 0x10
#define DEVICE 0xd0000000

/* Writes 'R' to the port, adds two numbers in memory, halts. */
static const unsigned char real_mode[] = {
    0xb0, 'R',                          /* mov al, 'R' */
    0xe6, PORT,                         /* out PORT, al */
    0xa1, 0x00, 0x80,                   /* mov ax, [0x8000] */
    0x03, 0x06, 0x02, 0x80,             /* add ax, [0x8002] */
    0xa3, 0x04, 0x80,                   /* mov [0x8004], ax */
    0xf4,                               /* hlt */
};

/* Adds up RCX, RCX - 1 ... 1 in memory, tells a device and the port, halts. */
static const unsigned char long_mode[] = {
    0x48, 0x01, 0x0c, 0x25, 0x00, 0x80, 0x00, 0x00, /* add [0x8000], rcx */
    0x48, 0xff, 0xc9,                               /* dec rcx */
    0x75, 0xf3,                                     /* jnz the addition */
    0x31, 0xc0, 0x0f, 0xa2,                         /* xor eax, eax; cpuid */
    0xb8, 0x00, 0x00, 0x00, 0xd0,                   /* mov eax, DEVICE */
    0xc7, 0x00, 0x78, 0x56, 0x34, 0x12,             /* mov dword [rax], 0x12345678 */
    0x8b, 0x18,                                     /* mov ebx, [rax] */
    0x88, 0xd8,                                     /* mov al, bl */
    0xe6, PORT,                                     /* out PORT, al */
    0xf4,                                           /* hlt */
};

static void must(int result, const char *what)
{
    if (result >= 0)
        return;
    perror(what);
    exit(1);
}

static void flat(struct kvm_segment *segment, int is_code)
{
    memset(segment, 0, sizeof *segment);
    segment->limit = 0xffffffff;
    segment->selector = is_code ? 8 : 16;
    segment->type = is_code ? 11 : 3;
    segment->present = segment->s = segment->g = 1;
    segment->l = is_code;
    segment->db = !is_code;
}

static void enter_long_mode(int vcpu, unsigned char *memory)
{
    unsigned long *tables = (unsigned long *)(memory + 0x2000);
    struct kvm_sregs sregs;

    /* Pages of 2 MiB: the memory, and what the device is in. */
    tables[0] = 0x3003;
    tables[512] = 0x4003;
    tables[512 + DEVICE / 0x40000000] = 0x5003;
    tables[1024] = 0x83;
    tables[1536 + DEVICE % 0x40000000 / 0x200000] = DEVICE | 0x83;
    must(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
    flat(&sregs.cs, 1);
    flat(&sregs.ds, 0);
    sregs.es = sregs.fs = sregs.gs = sregs.ss = sregs.ds;
    sregs.cr3 = 0x2000;
    sregs.cr4 = 1 << 5;
    sregs.cr0 = 0x80000011;
    sregs.efer = 0x500;
    must(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
}

static void run(int kvm, int is_long)
{
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    must(vm, "KVM_CREATE_VM");
    unsigned char *memory = mmap(0, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region region = {.memory_size = MEMORY, .userspace_addr = (unsigned long)memory};
    must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    must(vcpu, "KVM_CREATE_VCPU");
    struct kvm_run *state = mmap(0, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    struct kvm_regs regs = {.rip = CODE, .rcx = 1000000, .rsp = 0x7000, .rflags = 2};

    if (is_long) {
        memcpy(memory + CODE, long_mode, sizeof long_mode);
        enter_long_mode(vcpu, memory);
    } else {
        struct kvm_sregs sregs;
        memcpy(memory + CODE, real_mode, sizeof real_mode);
        memcpy(memory + 0x8000, "\x34\x12\x01\x00", 4);
        must(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
        sregs.cs.base = sregs.cs.selector = 0;
        must(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
    }
    must(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
    for (;;) {
        must(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
        switch (state->exit_reason) {
        case KVM_EXIT_IO:
            printf("kvm: port %x: %x\n", state->io.port, *((unsigned char *)state + state->io.data_offset));
            break;
        case KVM_EXIT_MMIO:
            if (state->mmio.is_write)
                printf("kvm: device %llx: %x\n", state->mmio.phys_addr, *(unsigned *)state->mmio.data);
            else
                memcpy(state->mmio.data, "Long", 4);
            break;
        case KVM_EXIT_HLT:
            printf("kvm: halted, %lx\n", *(unsigned long *)(memory + 0x8000));
            return;
        default:
            printf("kvm: exit %u\n", state->exit_reason);
            exit(1);
        }
    }
}

int main(void)
{
    int kvm = open("/dev/kvm", O_RDWR);

    must(kvm, "/dev/kvm");
    printf("kvm: api %d\n", ioctl(kvm, KVM_GET_API_VERSION, 0));
    run(kvm, 0);
    run(kvm, 1);
    return 0;
}
