/* Gate: what one thread waits at until another one opens it. Its twin is a lock.
 *
 * To wake a sleeping thread costs the one who wakes it a system call and takes some ten microseconds,
 * more than most handlers. So whoever waits looks for a while before he sleeps, on a core that nobody
 * else uses, without the GIL. Four things keep that from costing more than it brings:
 *
 *   - A thread that has looked in vain leaves it out in its next waits, in twice as many each time, up to 63.
 *     So a process at rest takes no time, and one on a busy machine, or with long waits, next to none.
 *   - Whoever finds the gate open still waits for the GIL, which the opener has. Asking for it then
 *     means to sleep until he is woken, so he looks until somebody has let go of it (`let_go`), for
 *     a while; mostly that is the opener, who waits himself.
 *   - It goes on to sleep without taking the GIL in between.
 *   - There are fewer of those who look than cores, so they keep nobody from running.
 *
 * A signal that comes before the main thread sleeps would find nobody whom it could interrupt, so its
 * first sleep is short.
 *
 * Ownership: the lock, which is taken while the gate is shut.
 */
#ifndef MYCELIUM_GATE_H
#define MYCELIUM_GATE_H

#include "state.h"
#include <pythread.h>

/* Elsewhere the twin is used. */
#if (defined(__GNUC__) || defined(__clang__)) && !defined(_WIN32) && defined(_POSIX_THREADS)
#include <limits.h>
#include <time.h>

#define LEAVE_OUT_MAX 63u
#define GIL_LOOKING_NS 10000LL          /* how long to look for somebody to let go of the GIL */
#define LIMIT_MAX_S 1e9               /* thirty years, for ever */
#define FIRST_SLEEP_US 20000LL       /* of the main thread */

typedef struct {
    PyObject_HEAD
    PyThread_type_lock lock;
    unsigned let_go_before;      /* what `let_go` was when it was opened */
    char shut;
} Gate;

/* How long a thread looks before it sleeps, and how many may at the same time. Of the process, as its cores are. */
static long long looking_ns = 0;
static long lookers_max = 0;
static unsigned long main_thread = 0;

/* How often a thread let go of the GIL in order to wait at a gate. Of the process: with several interpreters
 * that have a GIL each, it only makes somebody ask too early. */
static unsigned let_go = 0;
static long lookers = 0;
/* Of this thread. */
static _Thread_local unsigned leave_out = 0;  /* waits without a look, after one that was in vain */
static _Thread_local unsigned left_out = 0;   /* of them, those that are to come */

static inline long long monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline int gate_enter(Gate *self)
{
    return PyThread_acquire_lock_timed(self->lock, 0, 0) == PY_LOCK_ACQUIRED;
}

static int gate_look(Gate *self, long long until)
{
    do {
        for (int i = 0; i < 16; i++) {
            if (gate_enter(self)) {
                return 1;
            }
            relax();
        }
    } while (monotonic_ns() < until);
    return 0;
}

/* Whether this thread is to look in this wait. */
static inline int is_worth_a_look(void)
{
    if (left_out > 0) {
        left_out--;
        return 0;
    }
    return looking_ns > 0;
}

static inline void note_look(int paid)
{
    leave_out = paid ? leave_out / 2 : leave_out < LEAVE_OUT_MAX / 2 ? 2 * leave_out + 1 : LEAVE_OUT_MAX;
    left_out = paid ? 0 : leave_out;
}

/* Without the GIL: looks until the moment; whether it was open. */
static int gate_look_in_turn(Gate *self, long long until)
{
    const int looks = __atomic_add_fetch(&lookers, 1, __ATOMIC_RELAXED) <= lookers_max;
    const int entered = looks && gate_look(self, until);
    __atomic_sub_fetch(&lookers, 1, __ATOMIC_RELAXED);
    if (looks) {
        note_look(entered);
    }
    if (entered) {
        const long long enough = monotonic_ns() + GIL_LOOKING_NS;
        while (__atomic_load_n(&let_go, __ATOMIC_ACQUIRE) == self->let_go_before && monotonic_ns() < enough) {
            relax();
        }
    }
    return entered;
}

/* Waits for `limit` microseconds, or (-1) without end: 1 where it was open, 0 where not, -1 with an error. */
static int gate_wait(Gate *self, long long limit)
{
    const long long began = monotonic_ns();
    const long long deadline = limit < 0 ? LLONG_MAX : began + 1000 * limit;
    const int looks = deadline - began > looking_ns && is_worth_a_look();
    PyThreadState *saved = PyEval_SaveThread();
    __atomic_fetch_add(&let_go, 1, __ATOMIC_RELEASE);
    int entered = looks && gate_look_in_turn(self, began + looking_ns);
    long long now = looks ? monotonic_ns() : began;
    long long sleep_us = PyThread_get_thread_ident() == main_thread ? FIRST_SLEEP_US : LLONG_MAX;
    while (!entered && now < deadline) {
        const long long left_us = deadline == LLONG_MAX ? LLONG_MAX : (deadline - now + 999) / 1000;
        const long long us = left_us < sleep_us ? left_us : sleep_us;
        entered = PyThread_acquire_lock_timed(self->lock, us == LLONG_MAX ? -1 : us, 1) == PY_LOCK_ACQUIRED;
        now = monotonic_ns();
        if (!entered && now < deadline) { /* a signal, or the end of the first sleep */
            PyEval_RestoreThread(saved);
            if (Py_MakePendingCalls() < 0) {
                return -1;
            }
            saved = PyEval_SaveThread();
            __atomic_fetch_add(&let_go, 1, __ATOMIC_RELEASE);
            sleep_us = LLONG_MAX;
        }
    }
    PyEval_RestoreThread(saved);
    return entered;
}

/* The limit in microseconds; -1 for none, -2 with an error. */
static long long gate_limit(PyObject *timeout)
{
    const double seconds = PyFloat_AsDouble(timeout);
    if (seconds == -1.0) {
        return PyErr_Occurred() ? -2 : -1;
    }
    if (!(seconds >= 0)) {
        PyErr_SetString(PyExc_ValueError, "timeout value must be a non-negative number");
        return -2;
    }
    if (seconds > (double)PY_TIMEOUT_MAX / 1e6) {
        PyErr_SetString(PyExc_OverflowError, "timeout value is too large");
        return -2;
    }
    return seconds < LIMIT_MAX_S ? (long long)(seconds * 1e6 + 0.999) : (long long)LIMIT_MAX_S * 1000000;
}

/* acquire(blocking=True, timeout=-1), as of a lock */
static PyObject *gate_acquire(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    Gate *self = (Gate *)object;
    PyObject *given[2] = {NULL, NULL};
    const Py_ssize_t named = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    for (Py_ssize_t i = 0; i < nargs + named; i++) {
        Py_ssize_t place = i;
        if (i >= nargs) {
            PyObject *name = PyTuple_GET_ITEM(names, i - nargs);
            place = PyUnicode_CompareWithASCIIString(name, "timeout") == 0    ? 1
                    : PyUnicode_CompareWithASCIIString(name, "blocking") == 0 ? 0
                                                                              : 2;
        }
        if (place > 1 || given[place] != NULL) {
            PyErr_SetString(PyExc_TypeError, "acquire() takes blocking and timeout");
            return NULL;
        }
        given[place] = args[i];
    }
    const int blocking = given[0] == NULL ? 1 : PyObject_IsTrue(given[0]);
    const long long limit = given[1] == NULL ? -1 : gate_limit(given[1]);
    if (blocking < 0 || limit == -2) {
        return NULL;
    }
    if (!blocking && limit != -1) {
        PyErr_SetString(PyExc_ValueError, "can't specify a timeout for a non-blocking call");
        return NULL;
    }
    int entered = PyThread_acquire_lock(self->lock, NOWAIT_LOCK);
    if (!entered && blocking && limit != 0) {
        entered = gate_wait(self, limit);
    }
    if (entered < 0) {
        return NULL;
    }
    if (entered) {
        self->shut = 1;
    }
    return PyBool_FromLong(entered);
}

static PyObject *gate_release(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    Gate *self = (Gate *)object;
    if (!self->shut) {
        PyErr_SetString(PyExc_RuntimeError, "release unlocked lock");
        return NULL;
    }
    self->shut = 0;
    self->let_go_before = __atomic_load_n(&let_go, __ATOMIC_RELAXED);
    PyThread_release_lock(self->lock);
    Py_RETURN_NONE;
}

static PyObject *gate_locked(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(((Gate *)object)->shut);
}

/* ---- the object ---- */

static PyObject *gate_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    Gate *self = (Gate *)type->tp_alloc(type, 0);
    if (self != NULL && ((self->lock = PyThread_allocate_lock()) == NULL ||
                         !PyThread_acquire_lock(self->lock, NOWAIT_LOCK))) {
        Py_CLEAR(self);
        PyErr_NoMemory();
    }
    if (self != NULL) {
        self->shut = 1;
    }
    return (PyObject *)self;
}

static void gate_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    Gate *self = (Gate *)object;
    if (self->lock != NULL) {
        if (self->shut) {
            PyThread_release_lock(self->lock);
        }
        PyThread_free_lock(self->lock);
    }
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef gate_methods[] = {
    {"acquire", (PyCFunction)(void (*)(void))gate_acquire, METH_FASTCALL | METH_KEYWORDS,
     "acquire($self, /, blocking=True, timeout=-1)\n--\n\nWait until it is open, and shut it; whether it was."},
    {"release", gate_release, METH_NOARGS, "release($self, /)\n--\n\nOpen it. RuntimeError where it is open."},
    {"locked", gate_locked, METH_NOARGS, "locked($self, /)\n--\n\nWhether it is shut."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot gate_slots[] = {
    {Py_tp_new, gate_new},
    {Py_tp_dealloc, gate_dealloc},
    {Py_tp_methods, gate_methods},
    {Py_tp_doc, "Gate()\n--\n\nWhat one thread waits at until another one opens it. Shut at first."},
    {0, NULL},
};

static PyType_Spec gate_spec = {
    .name = "mycelium._native.Gate",
    .basicsize = sizeof(Gate),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = gate_slots,
};

static int add_gate(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &gate_spec, NULL);
    const int added = type == NULL ? -1 : PyModule_AddObjectRef(module, "Gate", type);
    Py_XDECREF(type);
    return added;
}

static PyObject *set_gates(PyObject *module, PyObject *args)
{
    long looking_us, lookers_most;
    (void)module;
    if (!PyArg_ParseTuple(args, "llk:set_gates", &looking_us, &lookers_most, &main_thread)) {
        return NULL;
    }
    looking_ns = 1000LL * looking_us;
    lookers_max = lookers_most;
    Py_RETURN_NONE;
}

#else

static int add_gate(PyObject *module)
{
    (void)module;
    return 0;
}

static PyObject *set_gates(PyObject *module, PyObject *args)
{
    (void)module;
    (void)args;
    Py_RETURN_NONE;
}

#endif
#endif
