/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tests of task state share: threads that leave the runner's signal to
 * the main thread, the kernel's view of a task, and time.
 */
#ifndef ZDTM_TASK_H
#define ZDTM_TASK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

/* A thread with SIGTERM blocked; a failure ends the test. */
pthread_t test_thread(void *(*fn)(void *arg), void *arg);

/* Joins; the thread's value, or "not joined" as a failure of the test when it does not
 * end in 3 s. */
void *test_thread_end(pthread_t thread);

/* Waits until the task is blocked in this system call; a failure after 3 s ends the test.
 */
void test_wait_syscall(pid_t tid, long nr);

/* Waits until the third field of /proc/TID/stat is this state; false after 3 s, or when
 * it is gone. */
bool test_wait_state(pid_t tid, char state);

/* The text after "Key:" in /proc/TID/status; false when there is none. Not for threads in
 * parallel. */
bool test_status(pid_t tid, const char *key, char *value, size_t size);

/* CLOCK_MONOTONIC in nanoseconds, and a time that passes. */
int64_t test_now(void);
void test_sleep_ms(int ms);
#define MS ((int64_t)1000000)

#endif
