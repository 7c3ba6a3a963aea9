/* The class of message classes.
 *
 * In C for one reason: on Python 3.11 a class is called by vectorcall only if its metaclass has the
 * flag, and a metaclass written in Python has not. Declarations are read in Python (build_class of
 * tlv.message), which calls new_class() here for the bare class and equip() to finish it.
 *
 * Ownership: a class holds its plan. Its instances are freed by message_dealloc, not by CPython's
 * subtype_dealloc: they have no dict, no weak references, no slots and no part in the collector,
 * which equip() verifies.
 */
#ifndef TLV_METATYPE_H
#define TLV_METATYPE_H

#include "emplace.h"
#include "methods.h"
#include "views.h"

static PyObject *metatype_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *module = PyType_GetModuleByDef(type, &native_module);
    ModuleState *state = module == NULL ? NULL : state_of(module);
    if (state == NULL || state->build == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the compiled core is not set up");
        return NULL;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(args);
    PyObject *all = PyTuple_New(count + 1);
    if (all == NULL) {
        return NULL;
    }
    PyTuple_SET_ITEM(all, 0, Py_NewRef((PyObject *)type));
    for (Py_ssize_t i = 0; i < count; i++) {
        PyTuple_SET_ITEM(all, i + 1, Py_NewRef(PyTuple_GET_ITEM(args, i)));
    }
    PyObject *made = PyObject_Call(state->build, all, kwargs);
    Py_DECREF(all);
    return made;
}

/* Class keywords were read by metatype_new(). */
static int metatype_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    (void)kwargs;
    return PyType_Type.tp_init(self, args, NULL);
}

/* Inherited all the same, but a debug build of CPython wants it said where there is a vectorcall. */
static PyObject *metatype_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return PyType_Type.tp_call(self, args, kwargs);
}

static int metatype_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((MessageClass *)self)->plan);
    return PyType_Type.tp_traverse(self, visit, arg);
}

/* The table of attributes is the plan's, and goes with it. */
static void class_drop_plan(PyObject *self)
{
    attributes_of((PyTypeObject *)self)->version = 0;
    Py_CLEAR(((MessageClass *)self)->plan);
}

static int metatype_clear(PyObject *self)
{
    class_drop_plan(self);
    return PyType_Type.tp_clear(self);
}

static void metatype_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    /* type_dealloc() wants to untrack the class itself; meanwhile no collection may see it. */
    PyObject_GC_UnTrack(self);
    class_drop_plan(self);
    PyObject_GC_Track(self);
    PyType_Type.tp_dealloc(self);
    Py_DECREF(type);
}

static PyObject *metatype_repr(PyObject *self)
{
    PyObject *module = PyObject_GetAttrString(self, "__module__");
    PyObject *name = module == NULL ? NULL : PyType_GetQualName((PyTypeObject *)self);
    PyObject *text = name == NULL ? NULL : PyUnicode_FromFormat("<message %S.%U>", module, name);
    Py_XDECREF(name);
    Py_XDECREF(module);
    return text;
}

/* What help() and inspect show: the constructor has no Python function to look at. */
static PyObject *metatype_signature(PyObject *self, void *closure)
{
    Plan *plan = plan_of((PyTypeObject *)self);
    (void)closure;
    if (plan == NULL) {
        PyErr_SetString(PyExc_AttributeError, "__signature__");
        return NULL;
    }
    return PyObject_CallMethod(plan->fallback, "signature", NULL);
}

static PyGetSetDef metatype_getset[] = {
    {"__signature__", metatype_signature, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef metatype_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(PyTypeObject, tp_vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot metatype_slots[] = {
    {Py_tp_new, metatype_new},           {Py_tp_init, metatype_init},         {Py_tp_call, metatype_call},
    {Py_tp_traverse, metatype_traverse}, {Py_tp_clear, metatype_clear},       {Py_tp_dealloc, metatype_dealloc},
    {Py_tp_repr, metatype_repr},         {Py_tp_getset, metatype_getset},     {Py_tp_members, metatype_members},
    {0, NULL},
};

static PyType_Spec metatype_spec = {
    .name = "tlv._native.MessageType",
    .basicsize = sizeof(MessageClass),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_TYPE_SUBCLASS |
             Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_VECTORCALL,
    .slots = metatype_slots,
};

/* ---- finishing a class ---- */

#define BUILTIN(name, function, flags, doc) {name, (PyCFunction)(void (*)(void))function, flags, doc}

static PyMethodDef class_builtins[] = {
    BUILTIN("ref_from", plan_ref_from, METH_FASTCALL | METH_KEYWORDS,
            "ref_from($self, /, buf, offset=0, length=None)\n--\n\n"
            "A view of the message at ``offset`` (bytes): copies nothing, keeps the buffer alive.\n\n"
            "``length`` says how many bytes belong to the message, by default all that follow. More than\n"
            "the layout needs is fine: a newer sender appends fields. Mutable buffers stay mutable: the\n"
            "view reads what they hold at that time.\n\n"
            "Raises `TruncatedError`, `BufferTypeError`, and `FieldBoundsError` where variable data\n"
            "would lie outside."),
    BUILTIN("read_from", plan_read_from, METH_FASTCALL | METH_KEYWORDS,
            "read_from($self, /, buf, offset=0, length=None)\n--\n\n"
            "An owned copy of the message at ``offset``; arguments and errors as `ref_from`."),
    BUILTIN("ref_from_validated", plan_ref_validated, METH_FASTCALL | METH_KEYWORDS,
            "ref_from_validated($self, /, buf, offset=0, length=None)\n--\n\n`ref_from`, then `validate`."),
    BUILTIN("emplace", plan_emplace, METH_FASTCALL | METH_KEYWORDS,
            "Write the fields of a message straight into ``buffer`` and return how many bytes.\n\n"
            "Takes the arguments of the constructor after buffer and offset; makes no message object.\n"
            "Raises `BufferSpaceError` and `FieldValueError`; nothing is written then."),
    BUILTIN("_view", plan_view, METH_FASTCALL, "A view over a buffer that was checked before, and an offset."),
    {NULL, NULL, 0, NULL},
};

static int class_is_sound(ModuleState *state, PyObject *object)
{
    if (!PyObject_TypeCheck(object, state->metatype)) {
        return 0;
    }
    PyTypeObject *type = (PyTypeObject *)object;
    return PyType_IsSubtype(type, state->message_type) && type->tp_basicsize == state->message_type->tp_basicsize &&
           type->tp_itemsize == 1 && type->tp_dictoffset == 0 && type->tp_weaklistoffset == 0;
}

/* CPython makes the instances of every class statement collectable, and has them freed accordingly.
 * Nothing of this class exists yet, so that can be undone. */
static void class_leave_collector(PyTypeObject *type)
{
    type->tp_flags &= ~(unsigned long)Py_TPFLAGS_HAVE_GC;
    type->tp_traverse = NULL;
    type->tp_clear = NULL;
    type->tp_free = PyObject_Free;
    type->tp_dealloc = message_dealloc;
}

/* new_class(metaclass, name, bases, namespace): type.__new__, which a metaclass in C cannot call from Python. */
static PyObject *module_new_class(PyObject *module, PyObject *args)
{
    ModuleState *state = state_of(module);
    PyObject *type = PyTuple_GET_SIZE(args) == 4 ? PyTuple_GET_ITEM(args, 0) : NULL;
    if (type == NULL || !PyType_Check(type) || !PyType_IsSubtype((PyTypeObject *)type, state->metatype)) {
        PyErr_SetString(PyExc_TypeError, "new_class() takes a metaclass, a name, bases and a namespace");
        return NULL;
    }
    PyObject *rest = PyTuple_GetSlice(args, 1, 4);
    PyObject *made = rest == NULL ? NULL : PyType_Type.tp_new((PyTypeObject *)type, rest, NULL);
    Py_XDECREF(rest);
    if (made != NULL && !class_is_sound(state, made)) {
        PyErr_SetString(PyExc_TypeError, "a message has no __dict__, no __weakref__ and no __slots__ of its own");
        Py_CLEAR(made);
    }
    if (made != NULL) {
        class_leave_collector((PyTypeObject *)made);
    }
    return made;
}

/* equip(cls, plan): gives a class its plan, once. */
static PyObject *module_equip(PyObject *module, PyObject *args)
{
    ModuleState *state = state_of(module);
    PyObject *object, *given;
    if (!PyArg_ParseTuple(args, "OO!:equip", &object, state->plan_type, &given)) {
        return NULL;
    }
    Plan *plan = (Plan *)given;
    PyTypeObject *type = (PyTypeObject *)object;
    if (!class_is_sound(state, object) || plan_of(type) != NULL || plan->type != NULL) {
        PyErr_SetString(PyExc_TypeError, "equip() takes a new message class and its own plan");
        return NULL;
    }
    plan->type = (PyTypeObject *)Py_NewRef(object);
    ((MessageClass *)object)->plan = (Plan *)Py_NewRef(given);
    type->tp_vectorcall = message_vectorcall;
    for (PyMethodDef *one = class_builtins; one->ml_name != NULL; one++) {
        PyObject *builtin = PyCFunction_New(one, given);
        if (builtin == NULL || PyObject_SetAttrString(object, one->ml_name, builtin) < 0) {
            Py_XDECREF(builtin);
            return NULL;
        }
        Py_DECREF(builtin);
    }
    Py_RETURN_NONE;
}

#endif
