import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addressPairs } from '../../src/kubernetes/cilium.ts'
import { LabelFilter } from '../../src/kubernetes/label-filter.ts'
import { podOf, type RawPod } from '../../src/operator/pod.ts'

const pods = suite('pods as endpoints')

const filter = new LabelFilter()

function raw(status: RawPod['status'], spec: Partial<RawPod['spec']> = {}): RawPod {
  const metadata = { name: 'p', namespace: 'ns', uid: 'u', resourceVersion: '1', labels: { app: 'web' } }
  return { metadata, spec: { serviceAccountName: 'default', ...spec }, ...(status && { status }) }
}

const cases: { name: string; pod: RawPod; addresses: string[] | undefined }[] = [
  { name: 'with one address', pod: raw({ podIP: '10.0.0.1' }), addresses: ['10.0.0.1'] },
  {
    name: 'with both families',
    pod: raw({ podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] }),
    addresses: ['10.0.0.1', 'fd00::1'],
  },
  { name: 'without an address yet', pod: raw({ podIPs: null }), addresses: undefined },
  { name: 'without a status', pod: raw(undefined), addresses: undefined },
  { name: 'that has ended', pod: raw({ podIP: '10.0.0.1', phase: 'Succeeded' }), addresses: undefined },
  { name: 'on the network of its node', pod: raw({ podIP: '10.0.0.1' }, { hostNetwork: true }), addresses: undefined },
]
for (const { name, pod, addresses } of cases)
  pods(`a pod ${name} is ${addresses === undefined ? 'no' : 'an'} endpoint`, () => {
    assert.equal(podOf(pod, filter)?.addresses, addresses)
  })

pods('addresses are paired as Cilium writes them', () => {
  assert.equal(addressPairs(['10.0.0.1', 'fd00::1', '10.0.0.2']), [
    { ipv4: '10.0.0.1', ipv6: 'fd00::1' },
    { ipv4: '10.0.0.2' },
  ])
  assert.equal(addressPairs(['fd00::1']), [{ ipv6: 'fd00::1' }])
})

pods('ports that containers name are those of the endpoint, sorted; of two with one name the last', () => {
  const containers = [
    { ports: [{ name: 'web', containerPort: 80 }, { containerPort: 9_000 }] },
    { ports: null },
    {
      ports: [
        { name: 'dns', containerPort: 53, protocol: 'UDP' },
        { name: 'web', containerPort: 8_080, protocol: 'TCP' },
      ],
    },
  ]
  assert.equal(podOf(raw({ podIP: '10.0.0.1' }, { containers }), filter)?.ports, [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'web', port: 8_080, protocol: 'TCP' },
  ])
})

pods.run()
