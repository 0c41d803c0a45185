/** The environment variable that holds Xen's command line, named after GRUB_CMDLINE_XEN of a host that boots Xen. */
export const XEN_COMMAND_LINE = 'XENOLITH_CMDLINE_XEN';
