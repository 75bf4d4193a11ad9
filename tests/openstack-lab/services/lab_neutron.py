"""Neutron's ML2 mechanism driver: binds each port at once, with no agent.

It plays the L2 and L3 agents' parts through a hook: floating IPs and their status, and the security group rules of each
server's port.
"""
import json
import subprocess
import threading

from neutron_lib.api.definitions import portbindings
from neutron_lib.callbacks import events, registry, resources
from neutron_lib import constants, context
from neutron_lib.plugins import constants as plugins, directory
from neutron_lib.plugins.ml2 import api
from oslo_config import cfg
from oslo_log import log

LOG = log.getLogger(__name__)
cfg.CONF.register_opts([cfg.StrOpt('hook', default='')], group='lab')


def hook(action, data):
    if cfg.CONF.lab.hook:
        run = subprocess.run([cfg.CONF.lab.hook, action], input=json.dumps(data), text=True, timeout=60,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if run.returncode:
            LOG.error('hook %s: %s', action, run.stdout[-800:])


def firewall_state():
    """For each port: its security group rules, groups made addresses; null: no filter."""
    admin, core = context.get_admin_context(), directory.get_plugin()
    ports, members, rules = core.get_ports(admin), {}, {}
    for port in ports:
        for group in port['security_groups']:
            members.setdefault(group, []).extend(a['ip_address'] for a in port['fixed_ips'])
    for rule in core.get_security_group_rules(admin):
        remote = members.get(rule['remote_group_id'], []) if rule['remote_group_id'] else rule['remote_ip_prefix']
        rules.setdefault(rule['security_group_id'], []).append({
            'direction': rule['direction'], 'ethertype': rule['ethertype'], 'protocol': rule['protocol'],
            'min': rule['port_range_min'], 'max': rule['port_range_max'],
            'remote': [remote] if isinstance(remote, str) else remote})
    return {port['id']: [r for g in port['security_groups'] for r in rules.get(g, [])]
            if port['port_security_enabled'] else None
            for port in ports if port['device_owner'].startswith(constants.DEVICE_OWNER_COMPUTE_PREFIX)}


class LabMechanismDriver(api.MechanismDriver):
    def initialize(self):
        self.lock, self.applied = threading.Lock(), None
        for event in (events.AFTER_CREATE, events.AFTER_UPDATE, events.AFTER_DELETE):
            registry.subscribe(self._floating_ip, resources.FLOATING_IP, event)
            registry.subscribe(self._firewall, resources.PORT, event)
            registry.subscribe(self._firewall, resources.SECURITY_GROUP_RULE, event)

    def bind_port(self, context):
        context.set_binding(context.segments_to_bind[0][api.ID], portbindings.VIF_TYPE_OTHER,
                            {portbindings.CAP_PORT_FILTER: True}, status=constants.PORT_STATUS_ACTIVE)

    def _floating_ip(self, resource, event, trigger, payload):
        old = payload.states[0] if event != events.AFTER_CREATE else None
        new = payload.states[-1] if event != events.AFTER_DELETE else None
        if new:
            new['status'] = 'ACTIVE' if new.get('port_id') else 'DOWN'
            directory.get_plugin(plugins.L3).update_floatingip_status(
                payload.context.elevated(), new['id'], new['status'])
        hook('floating-ip', {'old': old, 'new': new})

    def _firewall(self, resource, event, trigger, payload):
        keys = ('device_owner', 'fixed_ips', 'security_groups', 'port_security_enabled')
        states = payload.states if resource == resources.PORT and event == events.AFTER_UPDATE else ()
        if not cfg.CONF.lab.hook or len(states) == 2 and all(states[0].get(k) == states[1].get(k) for k in keys):
            return
        with self.lock:
            state = firewall_state()
            if state != self.applied:
                hook('firewall', state)
                self.applied = state
