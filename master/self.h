/* self.h: how this process was started, so that it can be started again, from the file that is there then. */
#ifndef YOKE_MASTER_SELF_H
#define YOKE_MASTER_SELF_H

struct yoke__self {
    char *path;  /* of the program, absolute; NULL: not known, because there is no /proc */
    char **argv; /* NULL-terminated; NULL: not known */
    char *arguments;
};

/* Must come before the program file is replaced, and before the program writes over its arguments. -ENOMEM. */
int yoke__self_read(struct yoke__self *self);
void yoke__self_release(struct yoke__self *self);

#endif
