/* Teller: of an ActorRef, what tells a message.
 *
 * Counting comes before the append, so that what the receiver has counted was counted here before.
 * Whatever is not the usual case is asked of Python: what is not accepted, and a full mailbox.
 *
 * Ownership: a strong reference to the mailbox, or to None; never NULL.
 */
#ifndef MYCELIUM_TELLING_H
#define MYCELIUM_TELLING_H

#include "inbox.h"

typedef struct {
    PyObject_HEAD
    PyObject *mailbox;           /* an Inbox, or None */
} Teller;

/* Asks mailbox.overflow.offer(item); the error that refuses it, None, or NULL with an error of another kind. */
static RARE PyObject *offer(ModuleState *state, PyObject *mailbox, PyObject *item)
{
    PyObject *overflow = PyObject_GetAttr(mailbox, state->overflow);
    PyObject *refused = overflow == NULL ? NULL : PyObject_CallMethodOneArg(overflow, state->offer, item);
    Py_XDECREF(overflow);
    return refused;
}

/* Raises what `offer` told, if anything; takes its reference. */
static RARE PyObject *raise_refused(PyObject *refused)
{
    if (refused == NULL || refused == Py_None) {
        return refused;
    }
    PyErr_SetObject((PyObject *)Py_TYPE(refused), refused);
    Py_DECREF(refused);
    return NULL;
}

/* Puts in what is counted; takes the reference of `item`, which may be NULL. */
static inline PyObject *deliver(ModuleState *state, Inbox *inbox, PyObject *item)
{
    PyObject *result = NULL;
    const Py_ssize_t count = item == NULL ? -1 : inbox_count(inbox);
    if (UNLIKELY(count >= inbox->capacity)) {
        result = raise_refused(offer(state, (PyObject *)inbox, item));
    }
    else if (LIKELY(count >= 0) && inbox_append(inbox, item) == 0 && inbox_wake(inbox) == 0) {
        result = Py_NewRef(Py_None);
    }
    Py_XDECREF(item);
    return result;
}

static RARE PyObject *tell_otherwise(PyObject *teller, PyObject *message)
{
    ModuleState *state = PyErr_Occurred() ? NULL : state_of_type(Py_TYPE(teller));
    return state == NULL ? NULL : PyObject_CallMethodOneArg(teller, state->tell_otherwise, message);
}

/* What does not lie bare: with its sender, where that is all; else Python is asked. Takes the reference of the cell. */
static RARE PyObject *tell_signed(PyObject *teller, Inbox *inbox, Cell *cell, PyObject *message)
{
    ModuleState *state = inbox->state;
    if (cell == NULL || !cell->signed_ || state->sent == Py_None) {
        Py_XDECREF(cell);
        return tell_otherwise(teller, message);
    }
    PyObject *result = NULL, *item = sent_of(state, message);
    if (item != NULL) {
        if (UNLIKELY(!(cell->sent++ & SAMPLE_MASK))) {
            Py_SETREF(item, sampled_of(state, item));
        }
        result = deliver(state, inbox, item);
    }
    Py_DECREF(cell);
    return result;
}

/* The argument `message` of tell and emit, borrowed; NULL and TypeError where it is not that alone. */
static RARE PyObject *message_of(PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    if (nargs == 0 && names != NULL && PyTuple_GET_SIZE(names) == 1 &&
        PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "message") == 0) {
        return args[0];
    }
    PyErr_SetString(PyExc_TypeError, "takes one argument, the message");
    return NULL;
}

static PyObject *teller_tell(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    PyObject *message = LIKELY(nargs == 1 && names == NULL) ? args[0] : message_of(args, nargs, names);
    if (UNLIKELY(message == NULL)) {
        return NULL;
    }
    Inbox *inbox = (Inbox *)((Teller *)object)->mailbox;
    if (UNLIKELY((PyObject *)inbox == Py_None)) {
        return tell_otherwise(object, message);
    }
    ModuleState *state = inbox->state;
    Py_INCREF(inbox); /* who hashes, wakes or refuses may be Python, and may do anything */
    PyObject *accepts = Py_NewRef(inbox->accepts);
    Cell *cell = (Cell *)PyDict_GetItemWithError(accepts, (PyObject *)Py_TYPE(message));
    const int accepted = cell != NULL && Py_IS_TYPE(cell, state->cell_type) && cell->accepted;
    const long long number = accepted ? cell->sent++ : 0;
    PyObject *result;
    if (LIKELY(accepted)) {
        Py_DECREF(accepts);
        PyObject *item = LIKELY(number & SAMPLE_MASK) ? Py_NewRef(message) : sampled_of(state, message);
        result = deliver(state, inbox, item);
    }
    else {
        cell = cell != NULL && Py_IS_TYPE(cell, state->cell_type) ? (Cell *)Py_NewRef((PyObject *)cell) : NULL;
        Py_DECREF(accepts);
        result = tell_signed(object, inbox, cell, message);
    }
    Py_DECREF(inbox);
    return result;
}

/* ---- many at once ---- */

/* What tell_each() has found of the class in hand. */
typedef struct {
    PyTypeObject *kind;          /* or NULL; these three are references */
    PyObject *accepts;
    Cell *cell;
    Py_ssize_t count;            /* of those in a row that were put in */
    int put;                     /* whether any was */
} Telling;

static void telling_drop(Telling *one)
{
    Py_CLEAR(one->cell);
    Py_CLEAR(one->accepts);
    Py_CLEAR(one->kind);
}

/* Begins the run of another class: 1 these messages are accepted, 0 they are not, -1 an exception is set. */
static RARE int telling_begin(Telling *one, Inbox *inbox, PyObject *message, PyObject *runs)
{
    if (one->kind != NULL && runs_note(runs, one->kind, one->count) < 0) {
        return -1;
    }
    one->count = 0;
    telling_drop(one); /* may run Python, as what follows */
    one->kind = (PyTypeObject *)Py_NewRef((PyObject *)Py_TYPE(message));
    one->accepts = Py_NewRef(inbox->accepts);
    PyObject *found = PyDict_GetItemWithError(one->accepts, (PyObject *)one->kind);
    if (found == NULL || !Py_IS_TYPE(found, inbox->state->cell_type)) {
        return PyErr_Occurred() ? -1 : 0;
    }
    one->cell = (Cell *)Py_NewRef(found);
    return 1;
}

/* One message, which stays the caller's: 1 it is put in, 0 it cannot be as it lies, -1 an exception is set. */
static inline int tell_one(Telling *one, Inbox *inbox, PyObject *message, PyObject *runs)
{
    if (UNLIKELY(Py_TYPE(message) != one->kind || inbox->accepts != one->accepts)) {
        const int begun = telling_begin(one, inbox, message, runs);
        if (begun <= 0) {
            return begun;
        }
    }
    Cell *cell = one->cell;
    const Py_ssize_t waiting = inbox_count(inbox);
    if (UNLIKELY(waiting < 0 || waiting >= inbox->capacity || cell == NULL || !cell->accepted ||
                 inbox->accepts != one->accepts)) {
        return waiting < 0 ? -1 : 0;
    }
    int put;
    if (LIKELY(cell->sent++ & SAMPLE_MASK)) {
        put = inbox_append(inbox, message);
    }
    else {
        PyObject *item = sampled_of(inbox->state, message);
        put = item == NULL ? -1 : inbox_append(inbox, item);
        Py_XDECREF(item);
    }
    if (UNLIKELY(put < 0)) {
        return -1;
    }
    one->count++;
    one->put = 1;
    return 1;
}

/* Wakes the owner for what was put in; the exception that is set, if any, comes through. */
static int telling_end(Telling *one, Inbox *inbox, PyObject *runs)
{
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    if (one->put && inbox_wake(inbox) < 0) {
        Py_XDECREF(type);
        Py_XDECREF(error);
        Py_XDECREF(trace);
        PyErr_Fetch(&type, &error, &trace);
    }
    PyErr_Restore(type, error, trace);
    const int failed = one->kind == NULL ? PyErr_Occurred() != NULL : runs_close(runs, one->kind, one->count) < 0;
    PyErr_Fetch(&type, &error, &trace);
    telling_drop(one);
    PyErr_Restore(type, error, trace);
    return failed ? -1 : 0;
}

/* tell_each(messages, runs): see teller_methods. */
static PyObject *teller_tell_each(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    Inbox *inbox = (Inbox *)((Teller *)object)->mailbox;
    if (nargs != 2 || !PyIter_Check(args[0]) || !PyList_CheckExact(args[1])) {
        PyErr_SetString(PyExc_TypeError, "tell_each() takes an iterator and a list");
        return NULL;
    }
    PyObject *messages = args[0], *message = NULL;
    if ((PyObject *)inbox == Py_None) {
        message = PyIter_Next(messages);
        return message == NULL && !PyErr_Occurred() ? Py_NewRef(Py_None) : message;
    }
    Telling one = {NULL, NULL, NULL, 0, 0};
    int told = 1;
    Py_INCREF(inbox); /* who hashes, wakes or makes messages may be Python, and may do anything */
    while (told > 0 && (message = PyIter_Next(messages)) != NULL) {
        told = tell_one(&one, inbox, message, args[1]);
        if (LIKELY(told > 0)) {
            Py_DECREF(message);
        }
    }
    if (told < 0) {
        PyObject *type, *error, *trace;
        PyErr_Fetch(&type, &error, &trace);
        Py_CLEAR(message);
        PyErr_Restore(type, error, trace);
    }
    if (telling_end(&one, inbox, args[1]) < 0) {
        Py_CLEAR(message);
    }
    else if (message == NULL) {
        message = Py_NewRef(Py_None);
    }
    Py_DECREF(inbox);
    return message;
}

static PyObject *teller_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    Teller *self = (Teller *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->mailbox = Py_NewRef(Py_None);
    }
    return (PyObject *)self;
}

static int teller_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((Teller *)object)->mailbox);
    return 0;
}

static int teller_clear(PyObject *object)
{
    Py_XSETREF(((Teller *)object)->mailbox, Py_NewRef(Py_None));
    return 0;
}

static void teller_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    Py_CLEAR(((Teller *)object)->mailbox);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *teller_get_mailbox(PyObject *object, void *closure)
{
    (void)closure;
    return Py_NewRef(((Teller *)object)->mailbox);
}

static int teller_set_mailbox(PyObject *object, PyObject *value, void *closure)
{
    (void)closure;
    ModuleState *state = state_of_type(Py_TYPE(object));
    if (state == NULL) {
        return -1;
    }
    if (value == NULL || !PyObject_TypeCheck(value, state->inbox_type)) {
        PyErr_SetString(PyExc_TypeError, "what a ref tells is a mailbox");
        return -1;
    }
    Py_SETREF(((Teller *)object)->mailbox, Py_NewRef(value));
    return 0;
}

static PyMethodDef teller_methods[] = {
    {"tell", (PyCFunction)(void (*)(void))teller_tell, METH_FASTCALL | METH_KEYWORDS,
     "tell($self, message)\n--\n\n"
     "Send a message and do not wait for what becomes of it.\n\n"
     "Where the mailbox is full, its policy decides: see `Bounded`. By default it waits for room,\n"
     "and raises `MailboxFullError` when none comes within the mailbox's deadline.\n\n"
     "Raises `DeadActorError` (a declared message) or ``pykka.ActorDeadError`` (anything else) when\n"
     "the actor is not running, and counts a dead letter; `NotReceivedError` for a declared\n"
     "message that the actor's class does not receive."},
    {"tell_each", (PyCFunction)(void (*)(void))teller_tell_each, METH_FASTCALL,
     "tell_each($self, messages, runs, /)\n--\n\n"
     "Tell what an iterator gives, and wake the actor once; the first message that `tell` has to be asked about,\n"
     "or None where the iterator is over.\n\n"
     "How many were told is appended to `runs`, also where the iterator raises: (class, how many) for each run\n"
     "of one class."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef teller_getset[] = {
    {"_mailbox", teller_get_mailbox, teller_set_mailbox, "Where the messages go.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot teller_slots[] = {
    {Py_tp_new, teller_new},     {Py_tp_dealloc, teller_dealloc}, {Py_tp_traverse, teller_traverse},
    {Py_tp_clear, teller_clear}, {Py_tp_methods, teller_methods}, {Py_tp_getset, teller_getset},
    {0, NULL},
};

static PyType_Spec teller_spec = {
    .name = "mycelium._native.Teller",
    .basicsize = sizeof(Teller),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .slots = teller_slots,
};

#endif
