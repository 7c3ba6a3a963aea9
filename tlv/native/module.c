/* tlv._native: the compiled core of the message layer.
 *
 * What it does is specified by its twin in Python, whose names it bears: MessageType, TLV (Message
 * here), GroupView, Frame, FrameWriter. Declarations, errors and all that is rare stay in Python.
 *
 *   state.h       what the module owns          object.h       the message, who owns its bytes
 *   numbers.h     bytes to numbers and back     managed.h      ... CPython's record of a buffer
 *   wide.h        integers of up to 256 bits    utf8.h         whether bytes are text
 *   plan.h        a compiled layout             lending.h      the memoryviews of as_bytes()
 *   message.h     making and freeing messages   buffers.h      bytes of others
 *   views.h       ref_from, read_from           keywords.h     arguments of these
 *   compile.h     ... how it is made, with      methods.h      bytes, comparison, hash
 *     compile_fields.h, compile_checks.h        metatype.h     the class of message classes
 *
 *   scalars.h     numbers, enums, decimals      arguments.h    arguments to values
 *   texts.h       bytes and text                parts.h        values after the fixed block
 *   composites.h  nested, arrays, optionals     construct.h    the constructor
 *   variable.h    data after the fixed block    emplace.h      the same into a buffer
 *   groups.h      group items as a sequence     checks.h       constraints over raw memory
 *   fields.h      the descriptor of a field     walk.h         the TLVs of a frame
 *   attributes.h  message.field, quickly        frame.h, frame_iterator.h
 *   bound.h       message.method, quickly       records.h      runs of records in a buffer
 *   writer.h      messages into a frame
 *
 * Everything is one translation unit, so that the compiler sees through the layers.
 */
#include "frame.h"
#include "metatype.h"
#include "records.h"
#include "writer.h"

/* register(build, as_buffer, group_class, no_layout, errors...): what the core asks of Python. */
static PyObject *module_register(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"build",         "as_buffer",         "decimal",         "struct_error",  "no_layout",
                            "field_value_error", "truncated_error", "content_error", "group_class", NULL};
    PyObject *given[9] = {NULL};
    ModuleState *state = state_of(module);
    PyObject **slots[] = {&state->build,     &state->as_buffer,         &state->decimal,
                          &state->struct_error, &state->no_layout,      &state->field_value_error,
                          &state->truncated_error, &state->content_error, &state->group_class};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OOOOOOOOO:register", names, &given[0], &given[1], &given[2],
                                     &given[3], &given[4], &given[5], &given[6], &given[7], &given[8])) {
        return NULL;
    }
    if (given[8] != NULL && !(PyType_Check(given[8]) && PyType_IsSubtype((PyTypeObject *)given[8], state->group_base) &&
                              ((PyTypeObject *)given[8])->tp_basicsize == state->group_base->tp_basicsize)) {
        PyErr_SetString(PyExc_TypeError, "group_class is a subclass of GroupView without slots");
        return NULL;
    }
    for (int i = 0; i < 9; i++) {
        if (given[i] != NULL) {
            Py_XSETREF(*slots[i], Py_NewRef(given[i]));
        }
    }
    Py_RETURN_NONE;
}

static PyMethodDef module_methods[] = {
    {"register", (PyCFunction)(void (*)(void))module_register, METH_VARARGS | METH_KEYWORDS,
     "Tell the core the Python that it asks."},
    {"new_class", module_new_class, METH_VARARGS, "A bare message class: metaclass, name, bases, namespace."},
    {"equip", module_equip, METH_VARARGS, "Give a class its plan."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject *add_type(PyObject *module, PyType_Spec *spec, PyTypeObject *base, const char *name)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, (PyObject *)base);
    if (type != NULL && name != NULL && PyModule_AddObjectRef(module, name, type) < 0) {
        Py_CLEAR(type);
    }
    return (PyTypeObject *)type;
}

/* Types that only Python code makes objects of, so the module's own reference is enough. */
static int add_for_callers(PyObject *module, PyType_Spec *spec, const char *name)
{
    PyTypeObject *type = add_type(module, spec, NULL, name);
    Py_XDECREF(type);
    return type == NULL ? -1 : 0;
}

static int module_exec(PyObject *module)
{
    ModuleState *state = state_of(module);
    state->free_max = FREELIST_MAX;
    state->free_managed_max = FREE_MANAGED_MAX;
    state->free_bound_max = FREE_BOUND_MAX;
    if (managed_learn() < 0) {
        return -1;
    }
    loans_open(state);
    for (int i = 0; i < 256; i++) {
        state->small_ints[i] = PyLong_FromLong(i);
        if (state->small_ints[i] == NULL) {
            return -1;
        }
    }
    return (state->metatype = add_type(module, &metatype_spec, &PyType_Type, "MessageType")) == NULL ||
                   (state->message_type = add_type(module, &message_spec, NULL, "TLV")) == NULL ||
                   (state->plan_type = add_type(module, &plan_spec, NULL, "Plan")) == NULL ||
                   (state->field_type = add_type(module, &field_spec, NULL, "FieldProperty")) == NULL ||
                   (state->group_base = add_type(module, &group_spec, NULL, "GroupView")) == NULL ||
                   (state->group_iterator_type = add_type(module, &group_iterator_spec, NULL, NULL)) == NULL ||
                   (state->frame_base = add_type(module, &frame_spec, NULL, "Frame")) == NULL ||
                   (state->frame_iterator_type = add_type(module, &frame_iterator_spec, NULL, NULL)) == NULL ||
                   (state->bound_type = add_type(module, &bound_spec, NULL, NULL)) == NULL ||
                   quick_methods_make(state) < 0 || add_for_callers(module, &views_spec, "Views") < 0 ||
                   add_for_callers(module, &writer_spec, "FrameWriter") < 0
               ? -1
               : 0;
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    ModuleState *state = state_of(module);
#define VISIT(name) Py_VISIT(state->name);
    VISIT_ALL_STATE(VISIT)
#undef VISIT
    return 0;
}

static int module_clear(PyObject *module)
{
    ModuleState *state = state_of(module);
#define CLEAR(name) Py_CLEAR(state->name);
    VISIT_ALL_STATE(CLEAR)
#undef CLEAR
    loans_close(state);
    free_managed_clear(state);
    free_bound_clear(state);
    free_views_clear(state);
    return 0;
}

static void module_free(void *module)
{
    (void)module_clear((PyObject *)module);
    for (int i = 0; i < 256; i++) {
        Py_CLEAR(state_of((PyObject *)module)->small_ints[i]);
    }
    quick_methods_clear(state_of((PyObject *)module));
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef native_module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "tlv._native",
    .m_doc = "The compiled core of the message layer; use it through tlv.",
    .m_size = sizeof(ModuleState),
    .m_methods = module_methods,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&native_module);
}
