/* Queue.pour: many messages out of a queue at once, into what writes them somewhere.
 *
 * Ownership: references to the item in hand, its message and the class of the run. What `put`, a hash and a
 * finalizer run is anybody's code, and may use the queue: nothing of it is looked at after them but anew.
 */
#ifndef MYCELIUM_POURING_H
#define MYCELIUM_POURING_H

#include "counts.h"
#include "queue.h"

typedef struct {
    PyTypeObject *sampled_type;
    PyObject *kinds, *put, *runs, *sampled; /* borrowed from the caller */
    PyTypeObject *kind;          /* of the run; a reference, or NULL */
    Py_ssize_t count;            /* of the run */
} Pouring;

/* The message in an item: itself, or that of a Sampled; borrowed from it. */
static inline PyObject *poured_of(const Pouring *one, PyObject *item)
{
    return UNLIKELY(Py_IS_TYPE(item, one->sampled_type)) ? ((Sampled *)item)->message : item;
}

/* Begins a run of the class of this message: 1 it is wanted, 0 it is not, -1 with an exception. */
static RARE int pouring_begin(Pouring *one, PyObject *message)
{
    PyTypeObject *kind = (PyTypeObject *)Py_NewRef((PyObject *)Py_TYPE(message));
    int wanted = PySet_Contains(one->kinds, (PyObject *)kind);
    if (wanted > 0 && one->kind != NULL && runs_note(one->runs, one->kind, one->count) < 0) {
        wanted = -1;
    }
    if (wanted <= 0) {
        Py_DECREF(kind);
        return wanted;
    }
    one->count = 0;
    Py_XSETREF(one->kind, kind);
    return 1;
}

/* Takes the head, whose message is of the class of the run, and gives it to `put`; -1 with an exception. */
static inline int pour_one(Queue *self, Pouring *one)
{
    PyObject *item = queue_shift(self);
    PyObject *message = Py_NewRef(poured_of(one, item));
    PyObject *done = PyObject_CallOneArg(one->put, message);
    int failed = done == NULL;
    if (UNLIKELY(failed)) {
        queue_put_back(self, item);
    }
    else {
        Py_DECREF(done);
        one->count++;
        failed = message != item && PyList_Append(one->sampled, item) < 0;
    }
    Py_DECREF(message);
    Py_DECREF(item);
    return failed ? -1 : 0;
}

static PyObject *queue_pour(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    Queue *self = (Queue *)object;
    if (nargs != 5 || !PyAnySet_Check(args[0]) || !PyList_CheckExact(args[3]) || !PyList_CheckExact(args[4])) {
        PyErr_SetString(PyExc_TypeError, "pour() takes a set of classes, a function, a number and two lists");
        return NULL;
    }
    Py_ssize_t left = PyNumber_AsSsize_t(args[2], NULL);
    if (left == -1 && PyErr_Occurred()) {
        return NULL;
    }
    ModuleState *state = state_of_type(Py_TYPE(object));
    if (state == NULL) {
        return NULL;
    }
    Pouring one = {state->sampled_type, args[0], args[1], args[3], args[4], NULL, 0};
    int going = 1;
    while (going > 0 && left > 0 && self->count > 0) {
        PyObject *message = poured_of(&one, self->ring[self->head]);
        if (UNLIKELY(Py_TYPE(message) != one.kind)) {
            going = pouring_begin(&one, message); /* and look again: the head may be another one by now */
        }
        else if (UNLIKELY(pour_one(self, &one) < 0)) {
            going = -1;
        }
        else {
            left--;
        }
    }
    if (one.kind != NULL) {
        PyObject *type, *error, *trace;
        going = runs_close(one.runs, one.kind, one.count) < 0 ? -1 : going;
        PyErr_Fetch(&type, &error, &trace);
        Py_DECREF(one.kind);
        PyErr_Restore(type, error, trace);
    }
    if (going < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

#endif
