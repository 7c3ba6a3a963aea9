/* What one module object owns: its types, and the Python that the core asks.
 *
 * Ownership: every PyObject * here is a strong reference of the module, dropped by module_clear().
 * Types keep the module alive, and objects their types, so the state outlives every object.
 *
 * Threads: everything in this extension happens with the GIL held, and what must not be torn apart
 * (count, append, look whether the owner sleeps) has nothing in it that runs Python code or lets go
 * of the GIL. A free-threaded build would need atomic counters (relaxed is enough, they are only
 * added up), a lock or a critical section around the ring of a Queue, and sequentially consistent
 * stores for Inbox.asleep. The module does not declare itself fit for one, and `mycelium.core` does
 * not load it there.
 */
#ifndef MYCELIUM_STATE_H
#define MYCELIUM_STATE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__) || defined(__clang__)
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define RARE __attribute__((noinline, cold))
#else
#define RARE
#define LIKELY(x) (x)
#define UNLIKELY(x) (x)
#endif

typedef struct {
    PyTypeObject *queue_type;
    PyTypeObject *cell_type;
    PyTypeObject *sampled_type;
    PyTypeObject *inbox_type;
    PyTypeObject *teller_type;
    PyTypeObject *splitter_type;
    PyTypeObject *route_type;
    PyTypeObject *emitter_type;
    PyTypeObject *run_type;
    PyObject *keyed;             /* Keyed of mycelium.mailbox.mail */
    PyObject *sent;              /* Sent of mycelium.mailbox.mail, and where in it its slots are; None before it is known */
    Py_ssize_t sent_message, sent_reply_to, sent_sender;
    PyObject *current_ref;       /* current_ref() of mycelium.dispatcher.current */
    PyObject *now_ns;            /* now_ns() of mycelium.ledger.latency */
    PyObject *nothing;           /* what a new inbox accepts, and the routes of an emitter that nobody connected */
    PyObject *wake;              /* names of methods */
    PyObject *take;
    PyObject *record;
    PyObject *append;
    PyObject *popleft;
    PyObject *offer;
    PyObject *choose;
    PyObject *overflow;
    PyObject *tell_otherwise;
    PyObject *emit_unrouted;
} ModuleState;

#define VISIT_ALL_STATE(X)                                                                        \
    X(queue_type) X(cell_type) X(sampled_type) X(inbox_type) X(teller_type)        \
    X(route_type) X(emitter_type) X(run_type) X(keyed) X(now_ns) X(nothing) X(wake) X(take) X(record)        \
    X(append) X(popleft) X(offer) X(overflow) X(tell_otherwise) X(emit_unrouted) X(sent)                \
    X(current_ref) X(splitter_type) X(choose)

static struct PyModuleDef native_module;

static inline ModuleState *state_of(PyObject *module)
{
    return (ModuleState *)PyModule_GetState(module);
}

/* Of an object whose type may be a subclass made in Python. Not for what the collector calls: it may
 * have cleared that class before its last objects. */
static inline ModuleState *state_of_type(PyTypeObject *type)
{
    if (type->tp_mro == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the class of this object is gone");
        return NULL;
    }
    PyObject *module = PyType_GetModuleByDef(type, &native_module);
    return module == NULL ? NULL : state_of(module);
}

#endif
