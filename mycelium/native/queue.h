/* Queue: the messages that wait for an actor, a ring of pointers. Its twin is a collections.deque.
 *
 * The ring is made by the first message, doubles when it is full, and is halved when an eighth of it
 * is in use; a deque of nobody's messages takes 760 bytes, this takes 80. Append and popleft at both
 * ends take constant time; remove looks from the left.
 *
 * Ownership: a strong reference to each item. Whoever takes one out first makes the queue whole, and
 * then drops the reference: what that runs may use the queue.
 */
#ifndef MYCELIUM_QUEUE_H
#define MYCELIUM_QUEUE_H

#include "state.h"

#define RING_MIN 4               /* places of the first ring */
#define RING_KEPT 64             /* a ring of so many places is never made smaller */

typedef struct {
    PyObject_HEAD
    PyObject **ring;             /* NULL, or `places` places, a power of two */
    Py_ssize_t places;
    Py_ssize_t head;             /* where the first item is */
    Py_ssize_t count;
} Queue;

static inline PyObject **queue_place(Queue *self, Py_ssize_t index)
{
    return &self->ring[(self->head + index) & (self->places - 1)];
}

/* Moves the items into a ring of another size; -1 and MemoryError where there is no memory for it. */
static RARE int queue_resize(Queue *self, Py_ssize_t places)
{
    PyObject **ring = PyMem_New(PyObject *, (size_t)places);
    if (ring == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < self->count; i++) {
        ring[i] = *queue_place(self, i);
    }
    PyMem_Free(self->ring);
    self->ring = ring;
    self->places = places;
    self->head = 0;
    return 0;
}

static inline int queue_make_place(Queue *self)
{
    if (LIKELY(self->count < self->places)) {
        return 0;
    }
    return queue_resize(self, self->places == 0 ? RING_MIN : 2 * self->places);
}

/* Appends, and takes a reference of its own. */
static inline int queue_push(Queue *self, PyObject *item)
{
    if (queue_make_place(self) < 0) {
        return -1;
    }
    *queue_place(self, self->count) = Py_NewRef(item);
    self->count++;
    return 0;
}

/* After items were taken out. Without memory for a smaller ring the larger one stays. */
static inline void queue_give_back(Queue *self)
{
    if (UNLIKELY(self->places > RING_KEPT && self->count < self->places / 8) &&
        queue_resize(self, self->places / 2) < 0) {
        PyErr_Clear();
    }
}

/* The first item, whose reference is the caller's; NULL without an error where there is none. */
static inline PyObject *queue_shift(Queue *self)
{
    if (self->count == 0) {
        return NULL;
    }
    PyObject *item = self->ring[self->head];
    self->head = (self->head + 1) & (self->places - 1);
    self->count--;
    queue_give_back(self);
    return item;
}

static PyObject *queue_append(PyObject *object, PyObject *item)
{
    if (queue_push((Queue *)object, item) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *queue_empty_error(void)
{
    PyErr_SetString(PyExc_IndexError, "pop from an empty queue");
    return NULL;
}

static PyObject *queue_popleft(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    PyObject *item = queue_shift((Queue *)object);
    return item != NULL ? item : queue_empty_error();
}

/* ---- many at once ---- */

/* Adds a run of one class to those that were taken before; nothing where it is empty. */
static int runs_note(PyObject *runs, PyTypeObject *kind, Py_ssize_t count)
{
    PyObject *run = count == 0 ? NULL : Py_BuildValue("(On)", kind, count);
    const int noted = run == NULL ? (count == 0 ? 0 : -1) : PyList_Append(runs, run);
    Py_XDECREF(run);
    return noted;
}

/* The same at the end, where an exception may be set, which stays. */
static int runs_close(PyObject *runs, PyTypeObject *kind, Py_ssize_t count)
{
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    if (runs_note(runs, kind, count) < 0) {
        Py_XDECREF(type);
        Py_XDECREF(error);
        Py_XDECREF(trace);
        return -1;
    }
    PyErr_Restore(type, error, trace);
    return type == NULL ? 0 : -1;
}

static int queue_push_left(Queue *self, PyObject *item)
{
    if (queue_make_place(self) < 0) {
        return -1;
    }
    self->head = (self->head - 1) & (self->places - 1);
    self->ring[self->head] = Py_NewRef(item);
    self->count++;
    return 0;
}

static PyObject *queue_appendleft(PyObject *object, PyObject *item)
{
    if (queue_push_left((Queue *)object, item) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* What was taken out of the queue and refused, back to its head; the exception that refused it stays. */
static RARE void queue_put_back(Queue *self, PyObject *item)
{
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    if (queue_push_left(self, item) < 0) {
        Py_XDECREF(type);
        Py_XDECREF(error);
        Py_XDECREF(trace);
        return;
    }
    PyErr_Restore(type, error, trace);
}

static PyObject *queue_pour(PyObject *object, PyObject *const *args, Py_ssize_t nargs); /* in pouring.h */

static PyObject *queue_pop(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    Queue *self = (Queue *)object;
    if (self->count == 0) {
        return queue_empty_error();
    }
    PyObject *item = *queue_place(self, self->count - 1);
    self->count--;
    queue_give_back(self);
    return item;
}

/* By identity: equal messages are not the same one, and no comparison may run Python code here. */
static PyObject *queue_remove(PyObject *object, PyObject *item)
{
    Queue *self = (Queue *)object;
    for (Py_ssize_t i = 0; i < self->count; i++) {
        if (*queue_place(self, i) != item) {
            continue;
        }
        for (Py_ssize_t j = i; j > 0; j--) { /* mostly near the head, where policies drop */
            *queue_place(self, j) = *queue_place(self, j - 1);
        }
        self->head = (self->head + 1) & (self->places - 1);
        self->count--;
        queue_give_back(self);
        Py_DECREF(item); /* the caller has one still */
        Py_RETURN_NONE;
    }
    PyErr_SetString(PyExc_ValueError, "the item is not in the queue");
    return NULL;
}

static int queue_tp_clear(PyObject *object)
{
    Queue *self = (Queue *)object;
    PyObject **ring = self->ring;
    const Py_ssize_t count = self->count, head = self->head, mask = self->places - 1;
    self->ring = NULL;
    self->places = self->count = self->head = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_DECREF(ring[(head + i) & mask]);
    }
    PyMem_Free(ring);
    return 0;
}

static PyObject *queue_clear(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    (void)queue_tp_clear(object);
    Py_RETURN_NONE;
}

static PyObject *queue_list(PyObject *object)
{
    Queue *self = (Queue *)object;
    const Py_ssize_t count = self->count;
    PyObject *list = PyList_New(count);
    /* Making a list may have run a collection, and that, code that took items out. */
    for (Py_ssize_t i = 0; list != NULL && i < count; i++) {
        PyList_SET_ITEM(list, i, Py_NewRef(i < self->count ? *queue_place(self, i) : Py_None));
    }
    if (list != NULL && self->count < count && PyList_SetSlice(list, self->count, count, NULL) < 0) {
        Py_CLEAR(list);
    }
    return list;
}

static PyObject *queue_iter(PyObject *object)
{
    PyObject *list = queue_list(object);
    PyObject *iterator = list == NULL ? NULL : PyObject_GetIter(list);
    Py_XDECREF(list);
    return iterator;
}

static PyObject *queue_copy(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    PyObject *list = queue_list(object);
    PyObject *copied = list == NULL ? NULL : PyObject_CallOneArg((PyObject *)Py_TYPE(object), list);
    Py_XDECREF(list);
    return copied;
}

static PyObject *queue_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *items = NULL, *item;
    if ((kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0) || !PyArg_UnpackTuple(args, "Queue", 0, 1, &items)) {
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "Queue() takes no keyword arguments");
    }
    PyObject *self = type->tp_alloc(type, 0);
    PyObject *iterator = self == NULL || items == NULL ? NULL : PyObject_GetIter(items);
    if (iterator != NULL) {
        while ((item = PyIter_Next(iterator)) != NULL && queue_push((Queue *)self, item) == 0) {
            Py_DECREF(item);
        }
        Py_XDECREF(item);
        Py_DECREF(iterator);
    }
    if (PyErr_Occurred()) {
        Py_CLEAR(self);
    }
    return self;
}

static int queue_traverse(PyObject *object, visitproc visit, void *arg)
{
    Queue *self = (Queue *)object;
    Py_VISIT(Py_TYPE(object));
    for (Py_ssize_t i = 0; i < self->count; i++) {
        Py_VISIT(*queue_place(self, i));
    }
    return 0;
}

static void queue_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    Py_TRASHCAN_BEGIN(object, queue_dealloc) /* one may hold another, and that one a third */
    (void)queue_tp_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static Py_ssize_t queue_length(PyObject *object)
{
    return ((Queue *)object)->count;
}

static PyObject *queue_item(PyObject *object, Py_ssize_t index)
{
    Queue *self = (Queue *)object;
    if (index < 0 || index >= self->count) {
        PyErr_SetString(PyExc_IndexError, "queue index out of range");
        return NULL;
    }
    return Py_NewRef(*queue_place(self, index));
}

static PyObject *queue_sizeof(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromSsize_t(Py_TYPE(object)->tp_basicsize + ((Queue *)object)->places * (Py_ssize_t)sizeof(PyObject *));
}

static PyMethodDef queue_methods[] = {
    {"append", queue_append, METH_O, "append($self, item, /)\n--\n\nPut an item at the end."},
    {"appendleft", queue_appendleft, METH_O, "appendleft($self, item, /)\n--\n\nPut an item at the head."},
    {"pop", queue_pop, METH_NOARGS, "pop($self, /)\n--\n\nTake the last item; IndexError where there is none."},
    {"popleft", queue_popleft, METH_NOARGS, "popleft($self, /)\n--\n\nTake the first item; IndexError where there is none."},
    {"pour", (PyCFunction)(void (*)(void))queue_pour, METH_FASTCALL,
     "pour($self, kinds, put, limit, runs, sampled, /)\n--\n\n"
     "Take messages from the head, as long as their class is one of `kinds` and at most `limit`, and give each to `put`.\n\n"
     "Those in a Sampled are taken too, which is appended to `sampled`. What `put` refuses, by an exception, is put\n"
     "back at the head. How many were taken is appended to `runs`, also then: (class, how many) for each run of one class."},
    {"remove", queue_remove, METH_O, "remove($self, item, /)\n--\n\nTake out this very item; ValueError where it is not there."},
    {"clear", queue_clear, METH_NOARGS, "clear($self, /)\n--\n\nForget all items."},
    {"copy", queue_copy, METH_NOARGS, "copy($self, /)\n--\n\nA queue of the same items."},
    {"__sizeof__", queue_sizeof, METH_NOARGS, "Bytes, with the ring."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot queue_slots[] = {
    {Py_tp_new, queue_new},         {Py_tp_dealloc, queue_dealloc},  {Py_tp_traverse, queue_traverse},
    {Py_tp_clear, queue_tp_clear},  {Py_tp_iter, queue_iter},        {Py_tp_methods, queue_methods},
    {Py_sq_length, queue_length},   {Py_sq_item, queue_item},
    {Py_tp_doc, "Queue(items=(), /)\n--\n\nThe messages that wait for an actor."},
    {0, NULL},
};

static PyType_Spec queue_spec = {
    .name = "mycelium._native.Queue",
    .basicsize = sizeof(Queue),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = queue_slots,
};

#endif
