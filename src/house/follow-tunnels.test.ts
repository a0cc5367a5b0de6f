import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import type { AgentPrincipal } from '../gate/rooms.ts'
import { Untouched, type UntouchedNeeds } from '../gate/untouched.ts'
import { parseOrigin } from '../ground/origin.ts'
import { createSilenceWatch, type SilenceWatch } from '../proxy/silence.ts'
import { type Tunnel, Tunnels } from '../proxy/tunnel/tunnels.ts'
import type { Rooms } from '../rooms.ts'
import { TestRules } from '../rules/rules.support.ts'
import { followTunnels } from './proxy-needs.ts'

const NOON = Date.UTC(2026, 0, 5, 12)

describe('a tunnel that is passed through', () => {
  const room = new TestRules()
  let tunnels: Tunnels
  let watch: SilenceWatch
  before(async () => {
    room.clock.advance(NOON - room.clock.now())
    await room.start()
    await room.add({
      name: 'hours',
      effect: 'allow',
      match: { hosts: ['hours.example'], time: { to: '12:30', zone: 'UTC' } },
    })
    await room.add({ name: 'trusted', effect: 'allow', match: { hosts: ['trusted.example'], trust: { atLeast: 4 } } })
    await room.add({ name: 'always', effect: 'allow', match: { hosts: ['always.example'] } })
  })
  after(() => room.end())
  beforeEach(() => {
    tunnels = new Tunnels()
    watch = createSilenceWatch(room.clock)
    const isLive = () => true
    const untouched = new Untouched({
      rules: room.rules,
      namesHost: () => false,
      isLive,
      clock: room.clock,
    } as unknown as UntouchedNeeds)
    const rooms = { untouched, storage: room.storage, identity: { isLive }, vault: { watch: () => {} } }
    followTunnels(rooms as unknown as Rooms, watch, (lives) => tunnels.look(lives))
  })
  afterEach(() => watch.stop())

  function open(host: string, untouched = true): Socket {
    const socket = new Socket()
    const token = { id: 'tok_1', expiresAt: NOON + 86_400_000 }
    const principal = { kind: 'agent', agent: { id: 'agent_1' }, token } as unknown as AgentPrincipal
    const origin = parseOrigin(`https://${host}`)
    tunnels.enter({ principal, origin, socket, untouched } as Tunnel, room.clock.now())
    return socket
  }

  /** What the watch finds by itself, by and by. */
  function look(ms: number): void {
    room.clock.advance(ms)
    for (let looks = 0; looks < 4; looks++) {
      room.clock.advance(500)
      watch.look()
    }
  }

  test('ends with the hours of its rule, and no other does', () => {
    const [hours, always, into] = [open('hours.example'), open('always.example'), open('hours.example', false)]
    look(29 * 60_000)
    assert.equal(hours.destroyed, false)
    look(60_000)
    assert.deepEqual([hours.destroyed, always.destroyed, into.destroyed], [true, false, false])
    for (const socket of [always, into]) socket.destroy()
  })

  test('ends when its agent is trusted less than its rule asks, or nobody knows how much', () => {
    for (const trust of [3.9, undefined]) {
      room.trust = 4
      const [trusted, always] = [open('trusted.example'), open('always.example')]
      look(60_000)
      assert.equal(trusted.destroyed, false)
      room.trust = trust
      look(0)
      assert.deepEqual([trusted.destroyed, always.destroyed], [true, false])
      always.destroy()
    }
  })
})
