// C-01. Every blocked range in every spelling, as an operator's typing error or an attacker's service: no connection is
// made, neither when the service is described nor when it is called. A listener on loopback counts.
import { addressSpellings } from '../../test/generators/addresses.ts'
import { world } from '../../test/instruments/world.ts'
import { Figures } from '../figures.ts'

export interface AddressOptions {
  /** Every n-th spelling. */
  readonly step: number
}

const names = [
  'localhost',
  'LOCALHOST',
  'localhost.',
  'ip6-localhost',
  'x.localhost',
  'metadata.google.internal',
  'router.local',
  'db',
  'host.docker.internal',
]

export async function blockedAddresses({ step }: AddressOptions): Promise<Figures> {
  const figures = new Figures('C-01 blocked addresses')
  await using around = await world()
  const { gateway, attacker } = around
  const hosts = [
    ...addressSpellings()
      .filter((_, n) => n % step === 0)
      .map(({ host }) => host),
    ...names,
  ]
  for (const [n, host] of hosts.entries()) {
    figures.inputs++
    const name = `a${n}`
    const described = await gateway.operator('POST', '/services', {
      name,
      origins: [`http://${host}:${attacker.port}`],
      unsafePlainHttp: true,
      // Opens a range that is not the one meant, so that the name check alone cannot be what refuses.
      ...(n % 2 === 0 ? {} : { addresses: ['10.99.0.0/16'] }),
      injection: { kind: 'none' },
    })
    if (described.status >= 500) figures.wrong.push(`${host}: describing it → ${described.status} ${described.text()}`)
    if (described.status >= 300) continue
    await gateway.does('POST', '/grants', { agent: 'agent-of-u', service: name, scopes: [`${name}:*`] })
    const reply = await around.call('/x', { service: name })
    figures.load++
    if (reply.status < 400 || reply.status === 500) figures.wrong.push(`${host} → ${reply.status}`)
  }
  if (attacker.accepts > 0) figures.leaked.push(`${attacker.accepts} connections to a blocked address`)
  figures.notes.push(`${figures.load} got as far as a call`)
  return figures
}
