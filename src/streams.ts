// Streams of events end with what their callers showed: at once where it is taken away, within a second where it runs out.
import type { Who } from './callers.ts'
import { EventStreams } from './http/event-streams.ts'
import type { OperatorPrincipal } from './identity/contract.ts'
import type { Rooms } from './rooms.ts'

type Needs = Pick<Rooms, 'identity' | 'people' | 'storage' | 'vault' | 'clock'>

export function buildStreams(rooms: Needs): EventStreams<Who> {
  const { people, storage, vault } = rooms
  const streams = new EventStreams<Who>({ lives: (who) => lives(rooms, who), nameOf })
  // After the rooms' own: they know of the change by then.
  storage.follow(() => streams.look())
  people.room.sessions.onEnd(() => streams.look())
  vault.watch(({ state }) => {
    if (state === 'sealed') streams.endAll('vault_sealed')
  })
  return streams
}

/** Whoever is signed in has a few streams in each of their browsers; everybody else has a few in all. */
function nameOf(who: Who): string {
  if (who === undefined || who.kind === 'unproven' || who.kind === 'service') return 'nobody'
  // Whoever may register may sign in as often as they like.
  if (who.kind === 'operator' && who.operator.role === 'member') return who.id
  return who.kind === 'agent' ? who.agent.id : (who.session?.id ?? who.id)
}

function lives(rooms: Needs, who: Who): boolean {
  const { identity } = rooms
  if (who?.kind === 'agent') return identity.mayAct(who) && identity.isLive(who.agent.id, who.token.id)
  return who?.kind === 'operator' && operatorLives(rooms, who)
}

function operatorLives({ identity, people, clock }: Needs, { id, token, session }: OperatorPrincipal): boolean {
  const { directory } = identity.room
  if (directory.operator(id)?.status !== 'active') return false
  if (session !== undefined) return people.room.sessions.byId(session.id) !== undefined
  const known = directory.token(token.id)
  return known?.status === 'active' && clock.now() < known.expiresAt
}
