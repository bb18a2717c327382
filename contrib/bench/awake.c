/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * awake: keep every core from halting, at a priority below all other work (SCHED_IDLE), so that a milter that waits for
 * a packet does not pay for waking the core: on a virtual machine that is four times the cost of the session.
 *
 *   cc -O2 -Wall -o awake awake.c
 *   ./awake SECONDS
 *
 * It ends after SECONDS, and with the process that started it.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static void spin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (sched_setaffinity(0, sizeof set, &set) || sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0})) _exit(1);
    for (volatile long i = 0;; i++) ;
}

int main(int argc, char **argv) {
    int seconds = argc == 2 ? atoi(argv[1]) : 0;
    if (seconds < 1) return 2;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    cpu_set_t mine;
    if (sched_getaffinity(0, sizeof mine, &mine)) return 1;
    for (int core = 0; core < CPU_SETSIZE; core++)
        if (CPU_ISSET(core, &mine) && !fork()) spin(core);
    sleep(seconds);
    return 0;
}
