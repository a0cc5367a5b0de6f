// S10. Many racers on something that may be used once: a grant of one use. There are exactly as many winners as grants,
// at the gateway and at the upstream.
import { keepAlive } from '../../test/instruments/send.ts'
import { furnish, world } from '../../test/instruments/world.ts'
import { Figures } from '../figures.ts'
import { checkLog } from '../load.ts'

export interface RaceOptions {
  readonly artefacts: number
  readonly racers: number
}

export async function races({ artefacts, racers }: RaceOptions): Promise<Figures> {
  const figures = new Figures('S10 races')
  await using around = await world({ env: { CLAVIGER_DEMO: 'off' } })
  const { gateway, upstream } = around
  const raced = await furnish(gateway, {
    name: 'once',
    origins: [upstream.origin],
    secret: around.oracle.canary('once'),
    grant: { uses: 1 },
  })
  const connections = keepAlive(racers)
  let grant = raced.grantId
  for (let n = 0; n < artefacts; n++) {
    const replies = await Promise.all(
      Array.from({ length: racers }, () =>
        around.call(`/race/${n}`, { service: 'once', token: raced.token, connections }),
      ),
    )
    const winners = replies.filter((reply) => reply.status === 200).length
    const forwarded = upstream.receipts.length
    if (winners !== 1 || forwarded !== 1) figures.wrong.push(`artefact ${n}: ${winners} winners, ${forwarded} forwards`)
    const odd = replies.find((reply) => reply.status !== 200 && reply.status !== 403)
    if (odd !== undefined) figures.wrong.push(`artefact ${n}: a loser got ${odd.status} ${odd.code}`)
    upstream.forget()
    figures.load += replies.length
    await gateway.does('DELETE', `/grants/${grant}`)
    const scopes = ['once:*']
    const next = await gateway.does<{ id: string }>('POST', '/grants', {
      agent: 'agent-of-once',
      service: 'once',
      scopes,
      uses: 1,
    })
    grant = next.id
  }
  connections.destroy()
  await gateway.stop()
  checkLog(gateway.home, { agents: [], liveTokens: [], revokedTokens: [], credentials: [], upstreamUrls: [] }, figures)
  figures.notes.push(`${artefacts} grants of one use, ${racers} racers each`)
  return figures
}
