/* mycelium._native: how mail moves, compiled. What each class does is specified by its twin in Python,
 * whose name it bears; `mycelium.core` chooses. What is rare stays in Python.
 *
 *   state.h     what the module owns, and what a build without a GIL would need
 *   queue.h     Queue: the messages that wait
 *   counts.h    Cell; Sampled
 *   inbox.h     Inbox, the base of Mailbox: putting in
 *   gate.h      Gate, at which threads wait
 *   run.h       Run, by which an actor takes out
 *   telling.h   Teller, the base of ActorRef
 *   splitter.h  Splitter, which chooses among copies of an actor
 *   emitting.h  Emitter, the base of Actor, and Route
 *
 * One translation unit, so that the compiler sees through the layers.
 */
#include "emitting.h"
#include "gate.h"
#include "pouring.h"
#include "run.h"

/* Where the objects of a class have this slot; 0 with an error. */
static Py_ssize_t place_of_slot(PyObject *type, const char *name)
{
    PyObject *slot = PyObject_GetAttrString(type, name);
    Py_ssize_t place = 0;
    if (slot != NULL && Py_IS_TYPE(slot, &PyMemberDescr_Type) && PyType_IsSubtype((PyTypeObject *)type, PyDescr_TYPE(slot)) &&
        ((PyMemberDescrObject *)slot)->d_member->type == T_OBJECT_EX) {
        place = ((PyMemberDescrObject *)slot)->d_member->offset;
    }
    Py_XDECREF(slot);
    if (place == 0 && !PyErr_Occurred()) {
        PyErr_Format(PyExc_TypeError, "Sent needs a slot %s", name);
    }
    return place;
}

static int register_sent(ModuleState *state, PyObject *sent)
{
    Py_ssize_t message, reply_to, sender;
    if (!PyType_Check(sent) || ((PyTypeObject *)sent)->tp_itemsize != 0) {
        PyErr_SetString(PyExc_TypeError, "Sent is a class");
        return -1;
    }
    if ((message = place_of_slot(sent, "message")) == 0 || (reply_to = place_of_slot(sent, "reply_to")) == 0 ||
        (sender = place_of_slot(sent, "sender")) == 0) {
        return -1;
    }
    state->sent_message = message;
    state->sent_reply_to = reply_to;
    state->sent_sender = sender;
    Py_XSETREF(state->sent, Py_NewRef(sent));
    return 0;
}

/* register(keyed, now_ns, sent, current_ref): what the core asks of Python. */
static PyObject *module_register(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"keyed", "now_ns", "sent", "current_ref", NULL};
    PyObject *keyed = NULL, *now = NULL, *sent = NULL, *current_ref = NULL;
    ModuleState *state = state_of(module);
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OOOO:register", names, &keyed, &now, &sent, &current_ref) ||
        (sent != NULL && register_sent(state, sent) < 0)) {
        return NULL;
    }
    if (current_ref != NULL) {
        Py_XSETREF(state->current_ref, Py_NewRef(current_ref));
    }
    if (keyed != NULL) {
        Py_XSETREF(state->keyed, Py_NewRef(keyed));
    }
    if (now != NULL) {
        Py_XSETREF(state->now_ns, Py_NewRef(now));
    }
    Py_RETURN_NONE;
}

static PyMethodDef module_methods[] = {
    {"register", (PyCFunction)(void (*)(void))module_register, METH_VARARGS | METH_KEYWORDS,
     "Tell the core the Python that it asks."},
    {"set_gates", set_gates, METH_VARARGS,
     "set_gates(looking_us, lookers, main_thread)\n--\n\nSay how long a thread looks before it sleeps, and how many may at once."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject *add_type(PyObject *module, PyType_Spec *spec, const char *name, PyTypeObject *base)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, (PyObject *)base);
    if (type != NULL && PyModule_AddObjectRef(module, name, type) < 0) {
        Py_CLEAR(type);
    }
    return (PyTypeObject *)type;
}

static PyObject *named(const char *name)
{
    return PyUnicode_InternFromString(name);
}

static int add_all(PyObject *module)
{
    ModuleState *state = state_of(module);
    return (state->queue_type = add_type(module, &queue_spec, "Queue", NULL)) == NULL ||
                   (state->cell_type = add_type(module, &cell_spec, "Cell", NULL)) == NULL ||
                   (state->sampled_type = add_type(module, &sampled_spec, "Sampled", NULL)) == NULL ||
                   (state->inbox_type = add_type(module, &inbox_spec, "Inbox", NULL)) == NULL ||
                   (state->teller_type = add_type(module, &teller_spec, "Teller", NULL)) == NULL ||
                   (state->splitter_type = add_type(module, &splitter_spec, "Splitter", state->inbox_type)) == NULL ||
                   (state->route_type = add_type(module, &route_spec, "Route", NULL)) == NULL ||
                   (state->emitter_type = add_type(module, &emitter_spec, "Emitter", NULL)) == NULL ||
                   (state->run_type = add_type(module, &run_spec, "Run", NULL)) == NULL ||
                   add_gate(module) < 0 ||
                   (state->nothing = PyDict_New()) == NULL || (state->wake = named("wake")) == NULL ||
                   (state->take = named("take")) == NULL || (state->record = named("record")) == NULL ||
                   (state->append = named("append")) == NULL || (state->popleft = named("popleft")) == NULL ||
                   (state->offer = named("offer")) == NULL || (state->choose = named("choose")) == NULL || (state->overflow = named("overflow")) == NULL ||
                   (state->tell_otherwise = named("_tell_otherwise")) == NULL ||
                   (state->emit_unrouted = named("_emit_unrouted")) == NULL ||
                   (state->now_ns = Py_NewRef(Py_None)) == NULL ||
                   (state->keyed = Py_NewRef(Py_None)) == NULL || (state->sent = Py_NewRef(Py_None)) == NULL ||
                   (state->current_ref = Py_NewRef(Py_None)) == NULL
               ? -1
               : 0;
}

static int module_exec(PyObject *module)
{
    if (add_all(module) < 0) {
        return -1;
    }
    /* Made once in each turn: called without a tuple, which the plain metaclass of this class allows. */
    state_of(module)->run_type->tp_vectorcall = run_vectorcall;
    return 0;
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
    return 0;
}

static void module_free(void *module)
{
    (void)module_clear((PyObject *)module);
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
    .m_name = "mycelium._native",
    .m_doc = "How mail moves, compiled; use it through mycelium.",
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
