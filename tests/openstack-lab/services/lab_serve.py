"""Serves one OpenStack API on one port: lab_serve.py NAME HOST PORT.

`nova`, `heat` and `cinder` run their workers in the same process, over oslo.messaging's in-process transport.
"""
import importlib
import os
import sys
import threading
import traceback

import waitress

NAME, HOST, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
CONF = os.environ['LAB_CONFIGURATION']
os.environ['OS_KEYSTONE_CONFIG_DIR'] = CONF
os.environ['OS_PLACEMENT_CONFIG_DIR'] = CONF
os.environ['OS_GLANCE_CONFIG_DIR'] = CONF
os.environ['OS_NOVA_CONFIG_DIR'] = CONF
os.environ['OS_NOVA_CONFIG_FILES'] = 'nova.conf'
os.environ['OS_CINDER_DISABLE_EVENTLET_PATCHING'] = '1'
os.environ['OS_NEUTRON_CONFIG_DIR'] = CONF
os.environ['OS_NEUTRON_CONFIG_FILES'] = 'neutron.conf'
sys.argv = [NAME]


def nova():
    from nova import monkey_patch
    monkey_patch.patch(backend='threading')
    from oslo_config import cfg
    from nova.api.openstack import wsgi_app
    conf = os.path.join(CONF, 'nova.conf')
    wsgi_app.init_global_data([conf], 'osapi_compute', 'nova')
    import nova.virt
    import os_vif
    from nova import context, objects, service
    nova.virt.__path__.append(os.path.dirname(__file__))  # compute_driver is looked up there only
    objects.register_all()
    os_vif.initialize()
    for binary in ('nova-conductor', 'nova-scheduler', 'nova-compute'):
        kw = {'topic_alt': 'compute-alt'} if binary == 'nova-compute' else {}
        service.Service.create(binary=binary, **kw).start()
    objects.host_mapping.discover_hosts(context.get_admin_context())  # what `nova-manage cell_v2 discover_hosts` does
    wsgi_app._get_config_files = lambda env=None: [cfg.CONF.wsgi.api_paste_config, conf]
    return importlib.import_module('nova.wsgi.osapi_compute').application


def heat():
    from oslo_service import backend
    backend.init_backend(backend.BackendType.THREADING)
    sys.argv += ['--config-file', os.path.join(CONF, 'heat.conf')]
    app = importlib.import_module('heat.wsgi.api').application
    from oslo_config import cfg
    from heat.engine import service as engine, template
    from heat.rpc import api as rpc_api
    template._get_template_extension_manager()
    srv = engine.EngineService(cfg.CONF.host, rpc_api.ENGINE_TOPIC)
    srv.start()
    return app


def cinder():
    from oslo_service import backend
    backend.init_backend(backend.BackendType.THREADING)
    sys.argv += ['--config-file', os.path.join(CONF, 'cinder.conf')]
    app = importlib.import_module('cinder.wsgi.api').application
    from cinder import service
    from oslo_config import cfg
    service.Service.create(binary='cinder-scheduler').start()
    cfg.CONF.register_opt(cfg.StrOpt('backend_host'), group='fake')
    service.Service.create(host=f'{cfg.CONF.host}@fake', service_name='fake', binary='cinder-volume',
                           coordination=True).start()
    return app


class Watched:
    """Writes each call down with the agent that made it, and plays the faults that a test asks for.

    Services and the official client name themselves in `User-Agent`. Who does not is `-`, and is who meets faults.

    A fault is a line `NAME METHOD PATH STATUS before|after` in the file `faults` of the state folder; the first call whose
    method is METHOD and whose path contains PATH meets it, and the line is taken out. `before`: the call is not carried out;
    `after`: it is, and its answer is lost. `drop` as STATUS breaks the connection instead of answering.
    """

    def __init__(self, app):
        self.app, self.lock = app, threading.Lock()
        self.state = os.path.dirname(CONF)

    def __call__(self, environ, start_response):
        method, path = environ['REQUEST_METHOD'], environ['SCRIPT_NAME'] + environ['PATH_INFO']
        agent = environ.get('HTTP_USER_AGENT', '-').split(' ')[0]
        with self.lock:
            with open(os.path.join(self.state, 'log', NAME + '.calls'), 'a') as calls:
                calls.write(f'{method} {path}?{environ["QUERY_STRING"]} {agent}\n')
            fault = self.fault(method, path) if agent == '-' else None
        if fault is None:
            return self.app(environ, start_response)
        status, when = fault
        if when == 'after':
            list(self.app(environ, lambda *args: lambda data: None))
        if status == 'drop':
            # Less than was promised: waitress breaks the connection.
            start_response('200 OK', [('Content-Type', 'application/json'), ('Content-Length', '1000')])
            return [b'{']
        retry = [('Retry-After', '1')] if status == '429' else []
        start_response(f'{status} Fault', [('Content-Type', 'application/json'), *retry])
        return [b'{"fault": {"message": "a fault that a test asked for"}}']

    def fault(self, method, path):
        name = os.path.join(self.state, 'faults')
        try:
            with open(name) as faults:
                lines = faults.read().splitlines()
        except FileNotFoundError:
            return None
        for number, line in enumerate(lines):
            service, of_method, part, status, when = line.split()
            if (service, of_method) == (NAME, method) and part in path:
                with open(name, 'w') as faults:
                    faults.writelines(other + '\n' for other in lines[:number] + lines[number + 1:])
                return status, when
        return None


def load(name):
    if name in globals():
        return globals()[name]()
    return importlib.import_module(f'{name}.wsgi.api').application


try:
    waitress.serve(Watched(load(NAME)), host=HOST, port=PORT, threads=12, ident=None,
                   max_request_body_size=64 << 30, clear_untrusted_proxy_headers=False)
except BaseException:
    traceback.print_exc()
    sys.stderr.flush()
finally:
    os._exit(1)  # the workers' threads would keep a failed process alive
