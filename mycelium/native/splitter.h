/* Splitter: stands for all copies of one actor, and chooses which of them gets a message. Its subclass in Python
 * has `choose`, which is asked about what is not known: a new key, an envelope, whose turn it is.
 *
 * To a route it is a mailbox that is always full. So a route without copies pays nothing for it.
 *
 * Ownership: references to the class, the targets, the name of the field and the dict of known keys, which is shared
 * with Python; the counts are its own memory.
 */
#ifndef MYCELIUM_SPLITTER_H
#define MYCELIUM_SPLITTER_H

#include "telling.h"

typedef struct {
    Inbox inbox;
    PyObject *kind;              /* the class of the messages */
    PyObject *targets;           /* tuple of (append or None, Inbox), the copies; NULL before init */
    PyObject *field;             /* the name of the key, or None */
    PyObject *known;             /* dict: key -> number of the copy */
    long long *counts;           /* messages that each was given */
} Splitter;

static int put_to_full(ModuleState *state, Inbox *inbox, PyObject *item, PyObject **refused);

/* Puts it in at one target; -1 with an error. What its full mailbox refuses goes into `refused`. */
static inline int put_to(ModuleState *state, PyObject *target, PyObject *item, PyObject **refused)
{
    PyObject *append = PyTuple_GET_ITEM(target, 0), *told;
    Inbox *inbox = (Inbox *)PyTuple_GET_ITEM(target, 1);
    const Py_ssize_t waiting = inbox_count(inbox);
    if (UNLIKELY(waiting >= inbox->capacity)) {
        return put_to_full(state, inbox, item, refused);
    }
    if (LIKELY(append == Py_None)) {
        return waiting < 0 || inbox_append(inbox, item) < 0 ? -1 : inbox_wake(inbox);
    }
    told = waiting < 0 ? NULL : PyObject_CallOneArg(append, item);
    Py_XDECREF(told);
    return told == NULL ? -1 : inbox_wake(inbox);
}

/* ---- choosing ---- */

/* The number of the copy that the key of this item is known to belong to; -1 where it is not, -2 with an error. */
static Py_ssize_t splitter_known(ModuleState *state, Splitter *self, PyObject *item)
{
    PyObject *message = UNLIKELY(Py_IS_TYPE(item, state->sampled_type)) ? ((Sampled *)item)->message : item;
    if (self->field == Py_None || UNLIKELY((PyObject *)Py_TYPE(message) != self->kind)) {
        return -1;
    }
    PyObject *key = PyObject_GetAttr(message, self->field);
    PyObject *number = key == NULL ? NULL : Py_XNewRef(PyDict_GetItemWithError(self->known, key));
    Py_ssize_t at = number == NULL ? -1 : PyLong_AsSsize_t(number);
    Py_XDECREF(number);
    Py_XDECREF(key);
    if (UNLIKELY(PyErr_Occurred() != NULL)) {
        if (!PyErr_ExceptionMatches(PyExc_Exception)) {
            return -2;
        }
        PyErr_Clear(); /* `choose` meets it again, and knows what it means */
        return -1;
    }
    return at;
}

static RARE Py_ssize_t splitter_ask(ModuleState *state, PyObject *self, PyObject *item)
{
    PyObject *told = PyObject_CallMethodOneArg(self, state->choose, item);
    const Py_ssize_t at = told == NULL ? -1 : PyNumber_AsSsize_t(told, PyExc_IndexError);
    Py_XDECREF(told);
    return at;
}

static int splitter_put(ModuleState *state, Splitter *self, PyObject *item, PyObject **refused)
{
    if (UNLIKELY(self->targets == NULL)) {
        PyErr_SetString(PyExc_TypeError, "a Splitter without targets");
        return -1;
    }
    Py_ssize_t at = splitter_known(state, self, item);
    if (UNLIKELY(at < 0)) {
        at = at == -1 ? splitter_ask(state, (PyObject *)self, item) : at;
        if (PyErr_Occurred()) {
            return -1;
        }
    }
    if (UNLIKELY(at < 0 || at >= PyTuple_GET_SIZE(self->targets))) {
        PyErr_Format(PyExc_IndexError, "there is no copy %zd", at);
        return -1;
    }
    self->counts[at]++;
    return put_to(state, PyTuple_GET_ITEM(self->targets, at), item, refused);
}

static int put_to_full(ModuleState *state, Inbox *inbox, PyObject *item, PyObject **refused)
{
    if (PyObject_TypeCheck(inbox, state->splitter_type)) {
        return splitter_put(state, (Splitter *)inbox, item, refused);
    }
    PyObject *told = offer(state, (PyObject *)inbox, item);
    if (told != NULL && told != Py_None) {
        Py_XSETREF(*refused, told);
        return 0;
    }
    Py_XDECREF(told);
    return told == NULL ? -1 : 0;
}

/* ---- the object ---- */

/* Whether these are targets: a tuple of (append or None, Inbox); else 0 with a TypeError. */
static int are_targets(ModuleState *state, PyObject *targets)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(targets); i++) {
        PyObject *target = PyTuple_GET_ITEM(targets, i);
        if (!PyTuple_CheckExact(target) || PyTuple_GET_SIZE(target) != 2 ||
            !PyObject_TypeCheck(PyTuple_GET_ITEM(target, 1), state->inbox_type)) {
            PyErr_SetString(PyExc_TypeError, "a target of a Route or a Splitter is (append or None, mailbox)");
            return 0;
        }
    }
    return 1;
}

static int splitter_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"", "", "field", "known", NULL};
    PyObject *kind, *targets, *field = Py_None, *known = NULL;
    Splitter *self = (Splitter *)object;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO!|OO!:Splitter", names, &kind, &PyTuple_Type, &targets, &field,
                                     &PyDict_Type, &known) ||
        !are_targets(self->inbox.state, targets)) {
        return -1;
    }
    if (self->targets != NULL || (field != Py_None && (known == NULL || !PyUnicode_Check(field)))) {
        PyErr_SetString(PyExc_TypeError, "a Splitter begins once, and a field has keys that are known");
        return -1;
    }
    const size_t size = (size_t)PyTuple_GET_SIZE(targets) * sizeof *self->counts;
    if ((self->counts = PyMem_Malloc(size)) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memset(self->counts, 0, size);
    self->inbox.capacity = 0;
    self->kind = Py_NewRef(kind);
    self->field = Py_NewRef(field);
    self->known = Py_XNewRef(known);
    self->targets = Py_NewRef(targets);
    return 0;
}

static int splitter_traverse(PyObject *object, visitproc visit, void *arg)
{
    Splitter *self = (Splitter *)object;
    Py_VISIT(self->kind);
    Py_VISIT(self->targets);
    Py_VISIT(self->known);
    return inbox_traverse(object, visit, arg);
}

static void splitter_dealloc(PyObject *object)
{
    Splitter *self = (Splitter *)object;
    PyObject_GC_UnTrack(object);
    Py_CLEAR(self->kind);
    Py_CLEAR(self->targets);
    Py_CLEAR(self->field);
    Py_CLEAR(self->known);
    PyMem_Free(self->counts);
    self->counts = NULL;
    inbox_dealloc(object);
}

static PyObject *splitter_offer(PyObject *object, PyObject *item)
{
    PyObject *refused = NULL;
    if (splitter_put(((Inbox *)object)->state, (Splitter *)object, item, &refused) < 0) {
        Py_XDECREF(refused);
        return NULL;
    }
    return refused == NULL ? Py_NewRef(Py_None) : refused;
}

static PyObject *splitter_get_counts(PyObject *object, void *closure)
{
    (void)closure;
    Splitter *self = (Splitter *)object;
    const Py_ssize_t size = self->targets == NULL ? 0 : PyTuple_GET_SIZE(self->targets);
    PyObject *counts = PyTuple_New(size);
    for (Py_ssize_t i = 0; counts != NULL && i < size; i++) {
        PyObject *count = PyLong_FromLongLong(self->counts[i]);
        if (count == NULL) {
            Py_CLEAR(counts);
            break;
        }
        PyTuple_SET_ITEM(counts, i, count);
    }
    return counts;
}

static PyMethodDef splitter_methods[] = {
    {"offer", splitter_offer, METH_O,
     "offer($self, item, /)\n--\n\n"
     "Put a message, or what it lies in, into the mailbox of a copy; the error where that refuses it."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef splitter_getset[] = {
    {"counts", splitter_get_counts, NULL, "How many messages each of the copies was given.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef splitter_members[] = {
    {"targets", T_OBJECT, offsetof(Splitter, targets), READONLY, "The copies, in the order of their numbers."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot splitter_slots[] = {
    {Py_tp_init, splitter_init},         {Py_tp_dealloc, splitter_dealloc}, {Py_tp_traverse, splitter_traverse},
    {Py_tp_clear, inbox_clear},          {Py_tp_methods, splitter_methods}, {Py_tp_getset, splitter_getset},
    {Py_tp_members, splitter_members},
    {Py_tp_doc, "Splitter(kind, targets, /, field=None, known=None)\n--\n\nChooses among the copies of an actor."},
    {0, NULL},
};

static PyType_Spec splitter_spec = {
    .name = "mycelium._native.Splitter",
    .basicsize = sizeof(Splitter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .slots = splitter_slots,
};

#endif
