/* Emitter: of an Actor, what sends a message to all who receive its type. Route: where those of one type go.
 *
 * As with tell, counting comes before the append; what nobody receives and full mailboxes are asked
 * of Python. A refusal is raised when all other receivers have got the message.
 *
 * Ownership: an Emitter holds the dict of its routes; a Route its message class and targets.
 */
#ifndef MYCELIUM_EMITTING_H
#define MYCELIUM_EMITTING_H

#include "splitter.h"

typedef struct {
    PyObject_HEAD
    ModuleState *state;          /* of the module that the type keeps alive */
    PyObject *message;           /* the class */
    PyObject *targets;           /* tuple of (append or None, Inbox) */
    long long emitted;
} Route;

typedef struct {
    PyObject_HEAD
    PyObject *routes;            /* dict: message class -> Route; NULL once the collector has cleared it */
} Emitter;

static void route_dealloc(PyObject *object);

/* ---- emit ---- */

static PyObject *emit_by(Route *route, PyObject *item)
{
    PyObject *refused = NULL;
    const Py_ssize_t count = PyTuple_GET_SIZE(route->targets);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (UNLIKELY(put_to(route->state, PyTuple_GET_ITEM(route->targets, i), item, &refused) < 0)) {
            Py_XDECREF(refused);
            return NULL;
        }
    }
    return refused != NULL ? raise_refused(refused) : Py_NewRef(Py_None);
}

static RARE PyObject *emit_unrouted(PyObject *emitter, PyObject *message)
{
    ModuleState *state = PyErr_Occurred() ? NULL : state_of_type(Py_TYPE(emitter));
    return state == NULL ? NULL : PyObject_CallMethodOneArg(emitter, state->emit_unrouted, message);
}

static PyObject *emitter_emit(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    PyObject *message = LIKELY(nargs == 1 && names == NULL) ? args[0] : message_of(args, nargs, names);
    if (UNLIKELY(message == NULL)) {
        return NULL;
    }
    PyObject *routes = Py_XNewRef(((Emitter *)object)->routes); /* a metaclass may hash in Python, and exchange them */
    Route *route = routes == NULL ? NULL : (Route *)PyDict_GetItemWithError(routes, (PyObject *)Py_TYPE(message));
    Py_XINCREF(route); /* who wakes or refuses is Python, and may do anything */
    Py_XDECREF(routes);
    if (UNLIKELY(route == NULL || Py_TYPE(route)->tp_dealloc != route_dealloc)) {
        Py_XDECREF(route);
        return emit_unrouted(object, message);
    }
    PyObject *item = LIKELY(route->emitted++ & SAMPLE_MASK) ? Py_NewRef(message) : sampled_of(route->state, message);
    PyObject *result = item == NULL ? NULL : emit_by(route, item);
    Py_XDECREF(item);
    Py_DECREF(route);
    return result;
}

/* ---- Route ---- */

static PyObject *route_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *message, *targets;
    ModuleState *state = state_of_type(type);
    if (state == NULL || (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0) ||
        !PyArg_ParseTuple(args, "OO!:Route", &message, &PyTuple_Type, &targets)) {
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "Route() takes no keyword arguments");
    }
    if (!are_targets(state, targets)) {
        return NULL;
    }
    Route *self = (Route *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->state = state;
        self->message = Py_NewRef(message);
        self->targets = Py_NewRef(targets);
    }
    return (PyObject *)self;
}

static int route_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((Route *)object)->message);
    Py_VISIT(((Route *)object)->targets);
    return 0;
}

static void route_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    Py_CLEAR(((Route *)object)->message);
    Py_CLEAR(((Route *)object)->targets);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *route_sent(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromLongLong(((Route *)object)->emitted * PyTuple_GET_SIZE(((Route *)object)->targets));
}

/* For who puts the messages into the queues himself. */
static PyObject *route_advance(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromLongLong(((Route *)object)->emitted++);
}

static PyObject *route_deliver(PyObject *object, PyObject *item)
{
    return emit_by((Route *)object, item);
}

static PyMethodDef route_methods[] = {
    {"deliver", route_deliver, METH_O,
     "deliver($self, item, /)\n--\n\n"
     "Put a message, or what it lies in, into the queues of all; what one refuses is raised when all others have got it."},
    {"advance", route_advance, METH_NOARGS, "advance($self, /)\n--\n\nCount one emission; how many there were before."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef route_getset[] = {
    {"sent", route_sent, NULL, "How many deliveries were sent out: emissions times receivers.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef route_members[] = {
    {"message", T_OBJECT, offsetof(Route, message), READONLY, "The class of the messages."},
    {"targets", T_OBJECT, offsetof(Route, targets), READONLY, "Where they go."},
    {"emitted", T_LONGLONG, offsetof(Route, emitted), READONLY, "How many messages were emitted."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot route_slots[] = {
    {Py_tp_new, route_new},         {Py_tp_dealloc, route_dealloc}, {Py_tp_traverse, route_traverse},
    {Py_tp_members, route_members}, {Py_tp_getset, route_getset}, {Py_tp_methods, route_methods},
    {Py_tp_doc, "Route(message, targets, /)\n--\n\nWhere one emitter's messages of one type go."},
    {0, NULL},
};

static PyType_Spec route_spec = {
    .name = "mycelium._native.Route",
    .basicsize = sizeof(Route),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = route_slots,
};

/* ---- Emitter ---- */

/* Every actor is made by this; object's own is who refuses abstract classes. */
static PyObject *emitter_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    ModuleState *state = state_of_type(type);
    PyObject *none = state == NULL ? NULL : PyTuple_New(0);
    PyObject *self = none == NULL ? NULL : PyBaseObject_Type.tp_new(type, none, NULL);
    Py_XDECREF(none);
    if (self != NULL) {
        ((Emitter *)self)->routes = Py_NewRef(state->nothing);
    }
    return self;
}

static int emitter_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((Emitter *)object)->routes);
    return 0;
}

static int emitter_clear(PyObject *object)
{
    Py_CLEAR(((Emitter *)object)->routes);
    return 0;
}

static void emitter_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    Py_CLEAR(((Emitter *)object)->routes);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *emitter_get_routes(PyObject *object, void *closure)
{
    (void)closure;
    if (((Emitter *)object)->routes == NULL) {
        Py_RETURN_NONE;
    }
    return PyDictProxy_New(((Emitter *)object)->routes); /* to be read: nobody puts into it what is no Route */
}

static int emitter_set_routes(PyObject *object, PyObject *value, void *closure)
{
    PyObject *route;
    Py_ssize_t at = 0;
    ModuleState *state = state_of_type(Py_TYPE(object));
    (void)closure;
    if (state == NULL) {
        return -1;
    }
    int fits = value != NULL && PyDict_CheckExact(value);
    while (fits && PyDict_Next(value, &at, NULL, &route)) {
        fits = Py_IS_TYPE(route, state->route_type);
    }
    PyObject *copied = fits ? PyDict_Copy(value) : NULL;
    if (copied == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "routes are a dict of Route");
        }
        return -1;
    }
    Py_XSETREF(((Emitter *)object)->routes, copied);
    return 0;
}

static PyMethodDef emitter_methods[] = {
    {"emit", (PyCFunction)(void (*)(void))emitter_emit, METH_FASTCALL | METH_KEYWORDS,
     "emit($self, message)\n--\n\n"
     "Send a message to everyone in the topology who receives its type.\n\n"
     "One table look-up, then an append per receiver. A receiver whose mailbox is full has its\n"
     "policy applied (see `Bounded`); what it refuses raises `MailboxFullError` after all others\n"
     "have got the message. What nobody receives is counted as unrouted. Raises\n"
     "`UndeclaredEmissionError` for a type that ``emits=`` does not name. To be called in the\n"
     "actor's own thread."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef emitter_getset[] = {
    {"_routes", emitter_get_routes, emitter_set_routes, "Where the messages go, by type.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot emitter_slots[] = {
    {Py_tp_new, emitter_new},         {Py_tp_dealloc, emitter_dealloc}, {Py_tp_traverse, emitter_traverse},
    {Py_tp_clear, emitter_clear},     {Py_tp_methods, emitter_methods}, {Py_tp_getset, emitter_getset},
    {0, NULL},
};

static PyType_Spec emitter_spec = {
    .name = "mycelium._native.Emitter",
    .basicsize = sizeof(Emitter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .slots = emitter_slots,
};

#endif
