/**
 * What `xl create -F` without a host, `xl create -F --exit-status` and `xl wait` exit with: it tells how the domain
 * ended. README.md has the table for users. A signal is 128 + its number.
 */
export const EXIT_POWEROFF = 0;
/** Usage, configuration, image or host: no domain ran, or it could not be started again. */
export const EXIT_ERROR = 1;
/** An option that is unknown, or too few arguments: what xl's option reader exits with. */
export const EXIT_USAGE = 2;
export const EXIT_CRASH = 10;
export const EXIT_WATCHDOG = 11;
/** The domain asked for a reboot, and on_reboot says destroy. */
export const EXIT_REBOOT = 12;
export const EXIT_SUSPEND = 13;
export const EXIT_SOFT_RESET = 14;
/** The domain is gone without having shut down: destroyed from elsewhere. */
export const EXIT_DESTROYED = 15;
/** As timeout(1) has it. */
export const EXIT_TIMEOUT = 124;
export const EXIT_SIGNAL_BASE = 128;
