"""What the laboratory's cloud has from the start: lab_seed.py identity|rest.

`identity` makes the endpoints, the services' user and the project `demo`, and needs Keystone only; `rest` makes flavors and
the external network.
"""
import os
import sys

import openstack

HOST, REGION, P = os.environ['LAB_HOST'], os.environ['LAB_REGION'], os.environ
c = openstack.connect(auth_url=os.environ['LAB_AUTH_URL'], username='admin', password='lab', project_name='admin',
                      user_domain_id='default', project_domain_id='default', region_name=REGION)
if sys.argv[1] == 'identity':
    i = c.identity
    admin, service_role = i.find_role('admin'), i.find_role('service') or i.create_role(name='service')
    service = i.create_project(name='service', domain_id='default')
    user = i.create_user(name='lab-service', password='lab', domain_id='default')
    demo = i.create_project(name='demo', domain_id='default')
    demo_user = i.create_user(name='demo', password='lab', domain_id='default')
    for role in (admin, service_role):
        i.assign_project_role_to_user(service, user, role)
    i.assign_project_role_to_user(demo, demo_user, i.find_role('member'))
    cinder = f'http://{HOST}:{P["CINDER_PORT"]}/v3'
    for name, kind, url in (
            *((('cinder', 'block-storage', cinder), ('cinderv3', 'volumev3', cinder)) if P.get('LAB_CINDER') else ()),
            ('glance', 'image', f'http://{HOST}:{P["GLANCE_PORT"]}'),
            ('placement', 'placement', f'http://{HOST}:{P["PLACEMENT_PORT"]}'),
            ('nova', 'compute', f'http://{HOST}:{P["NOVA_PORT"]}/v2.1'),
            ('neutron', 'network', f'http://{HOST}:{P["NEUTRON_PORT"]}'),
            ('heat', 'orchestration', f'http://{HOST}:{P["HEAT_PORT"]}/v1/%(tenant_id)s')):
        s = i.create_service(name=name, type=kind)
        for interface in ('public', 'internal'):
            i.create_endpoint(service_id=s.id, interface=interface, url=url, region_id=REGION)
    heat = i.create_domain(name='heat')
    heat_admin = i.create_user(name='heat_domain_admin', password='lab', domain_id=heat.id)
    i.assign_domain_role_to_user(heat, heat_admin, admin)
    owner = i.create_role(name='heat_stack_owner')
    i.create_role(name='heat_stack_user')
    i.assign_project_role_to_user(demo, demo_user, owner)
else:
    for name, ram, vcpus, disk in (('m1.tiny', 512, 1, 1), ('m1.small', 2048, 1, 20), ('m1.medium', 4096, 2, 40)):
        c.compute.create_flavor(name=name, ram=ram, vcpus=vcpus, disk=disk)
    net = c.network.create_network(name='public', is_router_external=True, is_shared=False,
                                   provider_network_type='flat', provider_physical_network='ext')
    c.network.create_subnet(name='public', network_id=net.id, ip_version=4, enable_dhcp=False,
                            cidr=os.environ['LAB_PUBLIC_CIDR'])
