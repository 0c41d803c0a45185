/* Process 1 of the suite's guest: runs the programs that the kernel's command line names (suite=NAME,NAME
 * suite.divide=N), one after the other, says when it began and ended, and waits to be switched off. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void say(const char *what, const char *detail)
{
    char line[256];
    int length = snprintf(line, sizeof line, "suite: %s %s\n", what, detail);
    if (write(1, line, length) != length)
        _exit(1);
}

static void say_time(const char *marker)
{
    struct timespec now;
    char text[64];
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof text, "%lld.%06ld %s", (long long)now.tv_sec, now.tv_nsec / 1000, marker);
    say("at", text);
}

/* The value of a word of the kernel's command line, or `otherwise`. */
static const char *word(char *line, const char *name, const char *otherwise)
{
    size_t length = strlen(name);
    for (char *at = line; (at = strstr(at, name)) != NULL; at += length)
        if ((at == line || at[-1] == ' ') && at[length] == '=') {
            char *value = at + length + 1;
            return strndup(value, strcspn(value, " \n"));
        }
    return otherwise;
}

static void run(const char *name, const char *divisor)
{
    char *const arguments[] = {"suite", (char *)name, (char *)divisor, NULL};
    char *const environment[] = {"BUSYBOX=/bin/busybox", "LC_ALL=C", NULL};
    char detail[64];
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        execve("/bin/suite", arguments, environment);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        snprintf(detail, sizeof detail, "%s: status %#x", name, status);
        say("failed", detail);
    }
}

int main(void)
{
    static char line[4096];
    mkdir("/proc", 0755);
    mount("proc", "/proc", "proc", 0, NULL);
    FILE *file = fopen("/proc/cmdline", "r");
    if (!file || !fgets(line, sizeof line, file))
        say("failed", "no /proc/cmdline");
    const char *divisor = word(line, "suite.divide", "1");
    char *names = strdup(word(line, "suite", ""));
    chdir("/tmp");

    say_time("suite-begin");
    for (char *name = strtok(names, ","); name; name = strtok(NULL, ","))
        run(name, divisor);
    say_time("suite-end");
    for (;;)
        pause();
}
