// public/hvm/e820.h

// Where hvmloader finds the toolstack's memory map.
export const HVM_E820_PAGE = 0x00090000;
export const HVM_E820_NR_OFFSET = 0x000001e8;
export const HVM_E820_OFFSET = 0x000002d0;
export const HVM_BELOW_4G_RAM_END = 0xf0000000;
export const HVM_BELOW_4G_MMIO_START = 0xf0000000;
export const HVM_BELOW_4G_MMIO_LENGTH = 1 << 28;
