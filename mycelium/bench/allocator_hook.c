/* mycelium.bench._allocator_hook: counts what an operation asks of CPython's allocators.
 *
 * While count(operation, times) runs, each of the three domains (raw, mem, object) has an allocator
 * that counts the call and passes it on to the one that was there. Only calls of the thread that
 * counts are counted: the others go on meanwhile, also without the GIL in the raw domain.
 *
 * Ownership: the former allocators belong to CPython and are put back before count() returns. The
 * new ones keep their ctx, and the hooks never look at their own: a thread that sees half of the
 * old allocator and half of the new one does the right thing with either.
 * Allocators are of the process, so is the state here; a second count() meanwhile is refused.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define DOMAINS 3
#define CALLS 4

enum call { MALLOC, CALLOC, REALLOC, FREE };

static const PyMemAllocatorDomain domains[DOMAINS] = {PYMEM_DOMAIN_RAW, PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ};
static PyMemAllocatorEx former[DOMAINS];
static unsigned long long counts[DOMAINS][CALLS];
static int is_installed;

static _Thread_local int is_counting;

#define COUNT(domain, call) (counts[domain][call] += (unsigned)is_counting)

#define HOOKS(domain)                                                                              \
    static void *malloc_##domain(void *ctx, size_t size)                                           \
    {                                                                                              \
        (void)ctx;                                                                                 \
        COUNT(domain, MALLOC);                                                                     \
        return former[domain].malloc(former[domain].ctx, size);                                    \
    }                                                                                              \
    static void *calloc_##domain(void *ctx, size_t number, size_t size)                            \
    {                                                                                              \
        (void)ctx;                                                                                 \
        COUNT(domain, CALLOC);                                                                     \
        return former[domain].calloc(former[domain].ctx, number, size);                            \
    }                                                                                              \
    static void *realloc_##domain(void *ctx, void *block, size_t size)                             \
    {                                                                                              \
        (void)ctx;                                                                                 \
        COUNT(domain, REALLOC);                                                                    \
        return former[domain].realloc(former[domain].ctx, block, size);                            \
    }                                                                                              \
    static void free_##domain(void *ctx, void *block)                                              \
    {                                                                                              \
        (void)ctx;                                                                                 \
        COUNT(domain, FREE);                                                                       \
        former[domain].free(former[domain].ctx, block);                                            \
    }

HOOKS(0)
HOOKS(1)
HOOKS(2)

#define HOOKED(domain) {NULL, malloc_##domain, calloc_##domain, realloc_##domain, free_##domain}

static void install(void)
{
    PyMemAllocatorEx hooked[DOMAINS] = {HOOKED(0), HOOKED(1), HOOKED(2)};
    memset(counts, 0, sizeof(counts));
    for (int i = 0; i < DOMAINS; i++) {
        PyMem_GetAllocator(domains[i], &former[i]);
        hooked[i].ctx = former[i].ctx;
        PyMem_SetAllocator(domains[i], &hooked[i]);
    }
    is_installed = 1;
}

static void uninstall(void)
{
    for (int i = 0; i < DOMAINS; i++) {
        PyMem_SetAllocator(domains[i], &former[i]);
    }
    is_installed = 0;
}

/* Nothing but the calls of the operation stands between the two lines that switch the counting. */
static int call_counted(PyObject *operation, Py_ssize_t times)
{
    int failed = 0;
    is_counting = 1;
    for (Py_ssize_t i = 0; i < times && !failed; i++) {
        PyObject *result = PyObject_CallNoArgs(operation);
        failed = result == NULL;
        Py_XDECREF(result);
    }
    is_counting = 0;
    return failed ? -1 : 0;
}

static PyObject *counts_as_tuple(void)
{
    unsigned long long (*c)[CALLS] = counts;
    return Py_BuildValue("((KKKK)(KKKK)(KKKK))", c[0][MALLOC], c[0][CALLOC], c[0][REALLOC], c[0][FREE], c[1][MALLOC],
                         c[1][CALLOC], c[1][REALLOC], c[1][FREE], c[2][MALLOC], c[2][CALLOC], c[2][REALLOC],
                         c[2][FREE]);
}

static PyObject *hook_count(PyObject *module, PyObject *args)
{
    PyObject *operation;
    Py_ssize_t times;
    (void)module;
    if (!PyArg_ParseTuple(args, "On:count", &operation, &times)) {
        return NULL;
    }
    if (is_installed) {
        Py_RETURN_NONE;
    }
    install();
    int failed = call_counted(operation, times);
    uninstall();
    return failed ? NULL : counts_as_tuple();
}

static PyMethodDef hook_methods[] = {
    {"count", hook_count, METH_VARARGS,
     "count($module, operation, times, /)\n--\n\n"
     "Call it so many times; how often malloc, calloc, realloc and free were called, by domain.\n\n"
     "None where another count runs in this process."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot hook_slots[] = {{0, NULL}};

static struct PyModuleDef hook_module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "mycelium.bench._allocator_hook",
    .m_doc = "Counts calls of CPython's allocators; use it through mycelium.bench.",
    .m_methods = hook_methods,
    .m_slots = hook_slots,
};

PyMODINIT_FUNC PyInit__allocator_hook(void)
{
    return PyModuleDef_Init(&hook_module);
}
