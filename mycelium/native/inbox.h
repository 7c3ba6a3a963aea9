/* Inbox: of a Mailbox, what every message goes through. Its subclass in Python has all the rest.
 *
 * Putting in is an append and a look at `asleep`, in this order; why no wake-up and no message is
 * lost that way is told in mycelium/mailbox.py. The argument needs that nothing else runs between
 * the two steps but what any thread may do between any two steps of the others: it holds here as
 * there, since each step is done with the GIL held, and an append is done before the look begins.
 *
 * `drain` gives messages to their handlers, one by one. What has not been handled when a handler
 * raises is still in the queue. It leaves to Python: what has no handler of its own (asks, objects,
 * batches, ignored types), what a failure does, and who is woken and how.
 *
 * Ownership: strong references to the queue, to what is accepted and to the message in hand.
 */
#ifndef MYCELIUM_INBOX_H
#define MYCELIUM_INBOX_H

#include "counts.h"
#include "queue.h"

typedef struct {
    PyObject_HEAD
    ModuleState *state;          /* of the module that the type keeps alive */
    PyObject *items;             /* a Queue, or in tests what looks like one */
    PyObject *accepts;           /* dict: message class -> SharedCounter */
    PyObject *latency;           /* has record(nanoseconds), or None */
    PyObject *handling;          /* the same, for the time that handlers take */
    PyObject *in_hand;           /* the message that is handled, or was when its handler raised; may be NULL */
    Py_ssize_t capacity;
    Py_ssize_t drained;          /* how many items the last drain took */
    char asleep;
    char sampled;                /* whether the item that the last drain returned was a Sampled */
} Inbox;

/* ---- putting in ---- */

static RARE int other_append(ModuleState *state, PyObject *items, PyObject *item)
{
    PyObject *done = PyObject_CallMethodOneArg(items, state->append, item);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static inline int inbox_append(Inbox *self, PyObject *item)
{
    return LIKELY(Py_IS_TYPE(self->items, self->state->queue_type)) ? queue_push((Queue *)self->items, item)
                                                              : other_append(self->state, self->items, item);
}

/* How many wait; -1 with an error. */
static inline Py_ssize_t inbox_count(Inbox *self)
{
    return LIKELY(Py_IS_TYPE(self->items, self->state->queue_type)) ? ((Queue *)self->items)->count
                                                              : PyObject_Size(self->items);
}

static RARE int inbox_call_wake(Inbox *self)
{
    PyObject *done = PyObject_CallMethodNoArgs((PyObject *)self, self->state->wake);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* After an append. */
static inline int inbox_wake(Inbox *self)
{
    return LIKELY(!self->asleep) ? 0 : inbox_call_wake(self);
}

static PyObject *inbox_put(PyObject *object, PyObject *item)
{
    Inbox *self = (Inbox *)object;
    if (inbox_append(self, item) < 0 || inbox_wake(self) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* ---- taking out ---- */

/* The next item, whose reference is the caller's; NULL where there is none, or with an error. */
static inline PyObject *inbox_shift(ModuleState *state, Inbox *self)
{
    if (LIKELY(Py_IS_TYPE(self->items, state->queue_type))) {
        return queue_shift((Queue *)self->items);
    }
    PyObject *item = PyObject_CallMethodNoArgs(self->items, state->popleft);
    if (item == NULL && PyErr_ExceptionMatches(PyExc_IndexError)) {
        PyErr_Clear();
    }
    return item;
}

static int record(ModuleState *state, PyObject *histogram, long long passed)
{
    PyObject *value = PyLong_FromLongLong(passed);
    PyObject *done = value == NULL ? NULL : PyObject_CallMethodOneArg(histogram, state->record, value);
    Py_XDECREF(value);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* The message in a Keyed or a Sampled item, in whose place it comes; when it was taken, or 0. */
static RARE PyObject *unwrap(ModuleState *state, Inbox *self, PyObject *item, long long *taken_at)
{
    if ((PyObject *)Py_TYPE(item) == state->keyed) {
        Py_SETREF(item, PyObject_CallMethodNoArgs(item, state->take));
    }
    if (item != NULL && Py_IS_TYPE(item, state->sampled_type)) {
        const Sampled *sampled = (Sampled *)item;
        *taken_at = now_ns(state);
        if ((*taken_at == -1 && PyErr_Occurred()) ||
            (self->latency != Py_None && record(state, self->latency, *taken_at - sampled->sent_at) < 0)) {
            Py_DECREF(item);
            return NULL;
        }
        Py_SETREF(item, Py_NewRef(sampled->message));
    }
    return item;
}

/* After the handler of a sampled message. */
static RARE int record_handling(ModuleState *state, Inbox *self, long long taken_at)
{
    if (self->handling == Py_None) {
        return 0;
    }
    const long long now = now_ns(state);
    return (now == -1 && PyErr_Occurred()) ? -1 : record(state, self->handling, now - taken_at);
}

/* What the table has for a type: (handler, Cell), borrowed; NULL with or without an error. */
static inline PyObject *entry_of(ModuleState *state, PyObject *table, PyTypeObject *type)
{
    PyObject *entry = PyDict_GetItemWithError(table, (PyObject *)type);
    if (entry != NULL && UNLIKELY(!PyTuple_CheckExact(entry) || PyTuple_GET_SIZE(entry) != 2 ||
                                  !Py_IS_TYPE(PyTuple_GET_ITEM(entry, 1), state->cell_type))) {
        PyErr_SetString(PyExc_TypeError, "a table has a handler and a Cell for each message");
        return NULL;
    }
    return entry;
}

/* drain(table, budget): the first item that the table has no handler for, out of its wrapping, or None. */
static PyObject *inbox_drain(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    Inbox *self = (Inbox *)object;
    ModuleState *state = self->state;
    if (nargs != 2 || !PyDict_CheckExact(args[0])) {
        return PyErr_Format(PyExc_TypeError, "drain() takes a dict and a number");
    }
    PyObject *table = args[0], *item = NULL, *entry = NULL;
    const Py_ssize_t budget = PyNumber_AsSsize_t(args[1], NULL);
    PyTypeObject *current = NULL;
    PyObject *outer = self->in_hand; /* where a handler drains in turn: see Source.pause */
    Py_ssize_t taken = 0;
    int failed = 0;
    self->in_hand = NULL;
    while (taken < budget && (item = inbox_shift(state, self)) != NULL) {
        long long taken_at = 0;
        taken++;
        if (Py_TYPE(item) != current) {
            item = unwrap(state, self, item, &taken_at);
            PyObject *found = item == NULL ? NULL : entry_of(state, table, Py_TYPE(item));
            if (found == NULL) {
                self->sampled = taken_at != 0;
                failed = item == NULL || PyErr_Occurred();
                break;
            }
            Py_XSETREF(entry, Py_NewRef(found));
            current = Py_TYPE(item);
        }
        Cell *cell = (Cell *)PyTuple_GET_ITEM(entry, 1);
        PyObject *stack[2] = {NULL, item};
        Py_XSETREF(self->in_hand, Py_NewRef(item));
        PyObject *result =
            PyObject_Vectorcall(PyTuple_GET_ITEM(entry, 0), stack + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
        cell->handled++;
        if (UNLIKELY(result == NULL)) {
            cell->failed++;
            failed = 1;
            break;
        }
        Py_DECREF(result);
        if (UNLIKELY(taken_at != 0) && record_handling(state, self, taken_at) < 0) {
            failed = 1;
            break;
        }
        Py_CLEAR(item);
    }
    Py_XDECREF(entry);
    self->drained = taken;
    if (UNLIKELY(failed || (item == NULL && PyErr_Occurred()))) {
        Py_XDECREF(item); /* what raised stays in hand, for who tells of it */
        Py_XDECREF(outer);
        return NULL;
    }
    Py_XSETREF(self->in_hand, outer);
    return item != NULL ? item : Py_NewRef(Py_None);
}

/* ---- the object ---- */

static PyObject *inbox_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    ModuleState *state = state_of_type(type);
    Inbox *self = state == NULL ? NULL : (Inbox *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->state = state;
        self->latency = Py_NewRef(Py_None);
        self->handling = Py_NewRef(Py_None);
        self->items = PyObject_CallNoArgs((PyObject *)state->queue_type);
        self->accepts = PyDict_New();
        self->capacity = (1 << 30) - 1; /* UNLIMITED of mycelium.bounds */
        if (self->items == NULL || self->accepts == NULL) {
            Py_CLEAR(self);
        }
    }
    return (PyObject *)self;
}

static int inbox_traverse(PyObject *object, visitproc visit, void *arg)
{
    Inbox *self = (Inbox *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->items);
    Py_VISIT(self->accepts);
    Py_VISIT(self->latency);
    Py_VISIT(self->handling);
    Py_VISIT(self->in_hand);
    return 0;
}

/* All but `in_hand` are never NULL while anybody can ask: None in their place is as good to the collector. */
static int inbox_clear(PyObject *object)
{
    Inbox *self = (Inbox *)object;
    Py_XSETREF(self->items, Py_NewRef(Py_None));
    Py_XSETREF(self->accepts, Py_NewRef(Py_None));
    Py_XSETREF(self->latency, Py_NewRef(Py_None));
    Py_XSETREF(self->handling, Py_NewRef(Py_None));
    Py_CLEAR(self->in_hand);
    return 0;
}

static void inbox_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    Inbox *self = (Inbox *)object;
    PyObject_GC_UnTrack(object);
    Py_CLEAR(self->items);
    Py_CLEAR(self->accepts);
    Py_CLEAR(self->latency);
    Py_CLEAR(self->handling);
    Py_CLEAR(self->in_hand);
    type->tp_free(object);
    Py_DECREF(type);
}

static Py_ssize_t inbox_length(PyObject *object)
{
    return inbox_count((Inbox *)object);
}

static int inbox_set_accepts(PyObject *object, PyObject *value, void *closure)
{
    (void)closure;
    if (value == NULL || !PyDict_CheckExact(value)) {
        PyErr_SetString(PyExc_TypeError, "accepts is a dict");
        return -1;
    }
    Py_SETREF(((Inbox *)object)->accepts, Py_NewRef(value));
    return 0;
}

static PyObject *inbox_get_accepts(PyObject *object, void *closure)
{
    (void)closure;
    return Py_NewRef(((Inbox *)object)->accepts);
}

static PyMethodDef inbox_methods[] = {
    {"put", inbox_put, METH_O, "put($self, envelope, /)\n--\n\nAppend and wake the owner. Never blocks, and has no bound."},
    {"drain", (PyCFunction)(void (*)(void))inbox_drain, METH_FASTCALL,
     "drain($self, table, budget, /)\n--\n\nGive up to ``budget`` messages to their handlers; the first that has none, or None."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef inbox_getset[] = {
    {"accepts", inbox_get_accepts, inbox_set_accepts,
     "Declared messages that may be put in as they are, and what counts them as sent.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef inbox_members[] = {
    {"items", T_OBJECT, offsetof(Inbox, items), 0, "The messages that wait."},
    {"latency", T_OBJECT, offsetof(Inbox, latency), 0, "Takes the hand-off times of sampled messages."},
    {"handling", T_OBJECT, offsetof(Inbox, handling), 0, "Takes the times that their handlers took; or None."},
    {"in_hand", T_OBJECT, offsetof(Inbox, in_hand), 0, "What is being handled."},
    {"capacity", T_PYSSIZET, offsetof(Inbox, capacity), 0, "At this many items the mailbox is full."},
    {"drained", T_PYSSIZET, offsetof(Inbox, drained), 0, "How many items the last drain took."},
    {"asleep", T_BOOL, offsetof(Inbox, asleep), 0, "The owner does not look at the queue by itself."},
    {"sampled", T_BOOL, offsetof(Inbox, sampled), READONLY, "Whether the message that it returned was a sampled one."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot inbox_slots[] = {
    {Py_tp_new, inbox_new},         {Py_tp_dealloc, inbox_dealloc}, {Py_tp_traverse, inbox_traverse},
    {Py_tp_clear, inbox_clear},     {Py_tp_methods, inbox_methods}, {Py_tp_getset, inbox_getset},
    {Py_tp_members, inbox_members}, {Py_sq_length, inbox_length},
    {Py_tp_doc, "Inbox()\n--\n\nOf a mailbox, what every message goes through."},
    {0, NULL},
};

static PyType_Spec inbox_spec = {
    .name = "mycelium._native.Inbox",
    .basicsize = sizeof(Inbox),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .slots = inbox_slots,
};

#endif
