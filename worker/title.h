/* title.h: what ps shows of a process. */
#ifndef YOKE_WORKER_TITLE_H
#define YOKE_WORKER_TITLE_H

/* The short name (comm), of which the kernel keeps 15 bytes. */
#define YOKE__COMM_MAX 15
void yoke__title_set_comm(const char *name);

/*
 * The command line. The memory that held it before is left alone: options that were read from it stay valid. For a process with
 * one thread. Nothing happens where the kernel cannot do it (without CONFIG_CHECKPOINT_RESTORE).
 */
void yoke__title_set(const char *text);

#endif
