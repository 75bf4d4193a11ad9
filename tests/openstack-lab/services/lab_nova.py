"""Nova's virt driver: `nova.virt.fake`, and a hook that makes the server real.

`spawn` writes FOLDER/instance.json and FOLDER/config-drive/ (the very tree that Nova puts on a config drive) below
`instances_path`, and then runs `$hook spawn FOLDER`; other actions run `$hook ACTION FOLDER`. Without a hook it is the
plain fake driver.
"""
import glob
import json
import os
import shutil
import subprocess

from nova.api.metadata import base as metadata
from nova.compute import power_state
import nova.conf
from nova import exception
from nova.virt import fake, images
from oslo_config import cfg

CONF = nova.conf.CONF
CONF.register_opts([cfg.StrOpt('hook', default=''),
                    cfg.BoolOpt('fetch_image', default=True),
                    cfg.IntOpt('hook_timeout', default=120)], group='lab')


class LabDriver(fake.FakeDriverWithoutFakeNodes):
    vcpus, memory_mb, local_gb = 64, 65536, 1000

    def init_host(self, host):
        super().init_host(host)
        # A later start knows the servers of an earlier one by their folders.
        for name in glob.glob(os.path.join(CONF.instances_path, '*', 'instance.json')):
            uuid = os.path.basename(os.path.dirname(name))
            self.instances[uuid] = fake.FakeInstance(uuid, power_state.SHUTDOWN, uuid)

    def resume_state_on_host_boot(self, context, instance, *args, **kw):
        self._hook('spawn', instance)
        self.instances[instance.uuid].state = power_state.RUNNING

    def _dir(self, instance):
        return os.path.join(CONF.instances_path, instance.uuid)

    def _hook(self, action, instance):
        if not CONF.lab.hook:
            return
        run = subprocess.run([CONF.lab.hook, action, self._dir(instance)],
                             stdin=subprocess.DEVNULL, text=True, timeout=CONF.lab.hook_timeout,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if run.returncode:
            raise exception.NovaException(f'hook {action}: {run.stdout[-800:]}')

    def spawn(self, context, instance, image_meta, injected_files, admin_password,
              allocations, network_info=None, **kw):
        path = self._dir(instance)
        os.makedirs(path, exist_ok=True)
        md = metadata.InstanceMetadata(instance, content=injected_files or [],
                                       extra_md={'admin_pass': admin_password},
                                       network_info=network_info)
        for name, data in md.metadata_for_config_drive():
            name = os.path.join(path, 'config-drive', name)
            os.makedirs(os.path.dirname(name), exist_ok=True)
            with open(name, 'wb') as f:
                f.write(data if isinstance(data, bytes) else data.encode())
        with open(os.path.join(path, 'instance.json'), 'w') as f:
            json.dump({'uuid': instance.uuid, 'name': instance.display_name,
                       'hostname': instance.hostname, 'image': image_meta.id if image_meta else None,
                       'vcpus': instance.flavor.vcpus, 'memory_mb': instance.flavor.memory_mb,
                       'root_gb': instance.flavor.root_gb, 'key': instance.key_data,
                       'vifs': list(network_info or [])}, f, indent=1)
        if CONF.lab.fetch_image and image_meta and image_meta.obj_attr_is_set('id') and image_meta.id:
            images.fetch(context, image_meta.id, os.path.join(path, 'image'))
        self._hook('spawn', instance)
        super().spawn(context, instance, image_meta, injected_files, admin_password,
                      allocations, network_info, **kw)

    def destroy(self, context, instance, *args, **kw):
        self._hook('destroy', instance)
        super().destroy(context, instance, *args, **kw)
        shutil.rmtree(self._dir(instance), ignore_errors=True)

    def power_off(self, instance, *args, **kw):
        self._hook('stop', instance)
        super().power_off(instance, *args, **kw)

    def power_on(self, context, instance, *args, **kw):
        self._hook('start', instance)
        super().power_on(context, instance, *args, **kw)

    def reboot(self, context, instance, *args, **kw):
        self._hook('stop', instance)
        super().reboot(context, instance, *args, **kw)

    def get_console_output(self, context, instance):
        try:
            with open(os.path.join(self._dir(instance), 'console.log'), 'rb') as f:
                return f.read()
        except FileNotFoundError:
            return b''
