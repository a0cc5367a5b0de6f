import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { composeToken } from '../crypto/tokens.ts'
import type { Change } from '../storage/storage.ts'
import { DAY_MS } from './contract.ts'
import { by, TestIdentity, text } from './identity.support.ts'

describe('identity', () => {
  let room: TestIdentity
  beforeEach(async () => {
    room = await new TestIdentity().start()
  })
  afterEach(() => room.end())

  const whoIs = (token: string) => {
    const principal = room.identity.authenticate(token)
    return principal?.kind === 'agent' ? principal.agent.name : principal?.id
  }
  const statusOf = (token: string) => room.identity.authenticate(token)?.token.status

  describe('agents', () => {
    test('are found by id and by name, over a restart', async () => {
      const { id } = await room.identity.addAgent('coder', by)
      for (let round = 0; round < 2; round += 1) {
        assert.equal(room.identity.findAgent('coder')?.id, id)
        assert.equal(room.identity.findAgent(id)?.name, 'coder')
        assert.deepEqual(room.identity.listAgents(), [
          { id, name: 'coder', status: 'active', origin: 'operator', createdAt: room.clock.now() },
        ])
        await room.restart()
      }
      assert.throws(() => room.identity.requireAgent('nobody'), { code: 'agent_unknown' })
    })

    test('have names of their own, even when two are asked for at once', async () => {
      const both = [room.identity.addAgent('coder', by), room.identity.addAgent('coder', by)]
      const [first, second] = await Promise.allSettled(both)
      assert.deepEqual([first?.status, second?.status], ['fulfilled', 'rejected'])
      await assert.rejects(both[1]!, { code: 'agent_name_taken' })
      assert.equal(room.identity.agentCount, 1)
    })

    test('have plain names', async () => {
      const refused = [
        '',
        'Coder',
        'a b',
        '-a',
        'a-',
        'a/b',
        'ä',
        'agent_x',
        'op_x',
        'a'.repeat(65),
        'a\0',
        '..',
        'a\n',
      ]
      for (const name of refused) await assert.rejects(room.identity.addAgent(name, by), { code: 'agent_name_invalid' })
      for (const name of ['a', 'a-b.c_d', '0', 'a'.repeat(64)]) await room.identity.addAgent(name, by)
    })

    test('are locked and unlocked, and running calls can ask', async () => {
      const { id } = await room.identity.addAgent('coder', by)
      const token = await room.issue('coder')
      const principal = room.identity.authenticate(token)
      assert.equal(principal?.kind, 'agent')
      assert.equal(room.identity.isLive(id, principal.token.id), true)
      await room.identity.lockAgent('coder', by)
      for (let round = 0; round < 2; round += 1) {
        const now = room.identity.authenticate(token)
        assert.equal(now?.kind === 'agent' && now.agent.status, 'suspended')
        assert.equal(room.identity.isLive(id, principal.token.id), false)
        await room.restart()
      }
      await room.identity.unlockAgent(id, by)
      assert.equal(room.identity.isLive(id, principal.token.id), true)
      await assert.rejects(room.identity.lockAgent('nobody', by), { code: 'agent_unknown' })
    })
  })

  describe('tokens', () => {
    test('name their agent, over a restart, and nothing else does', async () => {
      await room.identity.addAgent('coder', by)
      await room.identity.addAgent('tester', by)
      const [one, two] = [await room.issue('coder'), await room.issue('tester')]
      for (let round = 0; round < 2; round += 1) {
        assert.deepEqual([whoIs(one), whoIs(two)], ['coder', 'tester'])
        await room.restart()
      }
      const flipped = one.slice(0, 40) + (one[40] === 'A' ? 'B' : 'A') + one.slice(41)
      const ours = composeToken('ak', Buffer.alloc(11, 1), Buffer.alloc(32, 1)) // well-formed, never issued
      const strangers = ['', 'admin', 'changeme', 'clv_ak_', flipped, ours, one.replace('_ak_', '_op_'), `${one} `]
      for (const token of strangers) assert.equal(room.identity.authenticate(token), undefined, token)
    })

    test('are told apart by the thousand: 10,000 of them, over a restart', async () => {
      const names = Array.from({ length: 100 }, (_, at) => `agent-${at}`)
      await Promise.all(names.map((name) => room.identity.addAgent(name, by)))
      const issued: [string, string][] = []
      for (const name of names) {
        const batch = await Promise.all(Array.from({ length: 100 }, () => room.issue(name)))
        for (const token of batch) issued.push([name, token])
      }
      await room.restart()
      assert.equal(new Set(issued.map(([, token]) => token)).size, 10_000)
      for (const [name, token] of issued) assert.equal(whoIs(token), name)
      assert.equal(await room.storage.checkRows(), 'ok')
    })

    test('live as long as asked, 90 days at most, and the view says when they ended', async () => {
      await room.identity.addAgent('coder', by)
      const short = await room.issue('coder', 60_000)
      const long = await room.issue('coder')
      const [first, second] = [room.identity.authenticate(short)?.token, room.identity.authenticate(long)?.token]
      assert.equal(first?.expiresAt, room.clock.now() + 60_000)
      assert.equal(second?.expiresAt, room.clock.now() + 90 * DAY_MS)
      for (const lifeMs of [0, -1, 999, 90 * DAY_MS + 1, 1.5e3 + 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        await assert.rejects(room.issue('coder', lifeMs), { code: 'token_life_invalid' })
      }
      const id = room.identity.requireAgent('coder').id
      assert.equal(room.identity.isLive(id, first!.id), true)
      room.clock.advance(60_000)
      assert.equal(room.identity.isLive(id, first!.id), false)
      assert.deepEqual(
        room.identity.listTokens('coder').map((view) => view.status),
        ['expired', 'active'],
      )
    })

    test('are listed without what they are made of', async () => {
      await room.identity.addAgent('coder', by)
      const { view, token } = await room.identity.issueToken({ agent: 'coder', label: 'on the build machine' }, by)
      const listed = JSON.stringify(room.identity.listTokens())
      assert.deepEqual(room.identity.listTokens('coder'), [view])
      assert.equal(view.label, 'on the build machine')
      assert.equal(listed.includes(text(token).split('_')[3]!), false)
      for (const label of ['', 'a\nb', 'a\u202eb', '\ud800', 'a'.repeat(101)]) {
        await assert.rejects(room.identity.issueToken({ agent: 'coder', label }, by), { code: 'token_label_invalid' })
      }
    })

    test('are revoked one by one, and stay so', async () => {
      await room.identity.addAgent('coder', by)
      const [one, two] = [await room.issue('coder'), await room.issue('coder')]
      const id = room.identity.authenticate(one)!.token.id
      await room.identity.revokeToken(id, by)
      await room.identity.revokeToken(id, by)
      for (let round = 0; round < 2; round += 1) {
        assert.deepEqual([statusOf(one), statusOf(two)], ['revoked', 'active'])
        await room.restart()
      }
      await assert.rejects(room.identity.revokeToken('tok_x', by), { code: 'token_unknown' })
    })

    test('are revoked for one agent as one change', async () => {
      const changes: Change[] = []
      await room.identity.addAgent('coder', by)
      await room.identity.addAgent('tester', by)
      const [one, two, other] = [await room.issue('coder'), await room.issue('coder'), await room.issue('tester')]
      room.storage.follow((change) => changes.push(change))
      assert.equal(await room.identity.revokeTokensOf('coder', by), 2)
      assert.deepEqual(
        changes.map(({ kind, ref }) => [kind, ref]),
        [['tokens_revoked', room.identity.requireAgent('coder').id]],
      )
      for (let round = 0; round < 2; round += 1) {
        assert.deepEqual([statusOf(one), statusOf(two), statusOf(other)], ['revoked', 'revoked', 'active'])
        await room.restart()
      }
    })

    test('are revoked by whoever finds one', async () => {
      await room.identity.addAgent('coder', by)
      const token = await room.issue('coder')
      assert.equal(await room.identity.revokeLeaked('clv_ak_nonsense'), false)
      assert.equal(await room.identity.revokeLeaked(composeToken('ak', Buffer.alloc(11), Buffer.alloc(32))), false)
      assert.equal(await room.identity.revokeLeaked(token), true)
      assert.equal(await room.identity.revokeLeaked(token), true)
      assert.equal(statusOf(token), 'revoked')
    })
  })

  describe('emergency revoke', () => {
    test('kills every token of agents issued so far, by one row, over restarts', async () => {
      await room.identity.addAgent('coder', by)
      const operator = text((await room.identity.resetOperatorToken(by)).token)
      const old = await room.issue('coder')
      const epoch = await room.identity.emergencyRevoke(by)
      assert.equal(epoch, room.storage.epoch())
      const fresh = await room.issue('coder')
      await room.identity.lockAgent('coder', by) // moves the epoch of its row, and must not bring anything back
      await room.identity.unlockAgent('coder', by)
      for (let round = 0; round < 2; round += 1) {
        assert.deepEqual([statusOf(old), statusOf(fresh)], ['revoked', 'active'])
        assert.equal(room.identity.authenticate(operator)?.kind, 'operator')
        await room.restart()
      }
      assert.equal(room.database.look("select count(*) as n from tokens where status = 'revoked'")[0]?.n, 0)
    })

    test('orders itself against tokens issued in the same turn', async () => {
      await room.identity.addAgent('coder', by)
      const [before, , after] = await Promise.all([
        room.issue('coder'),
        room.identity.emergencyRevoke(by),
        room.issue('coder'),
      ])
      for (let round = 0; round < 2; round += 1) {
        assert.deepEqual([statusOf(before), statusOf(after)], ['revoked', 'active'])
        await room.restart()
      }
    })
  })

  describe('operator tokens', () => {
    test('are made by the first start, rotated, and reset; each time the old one dies', async () => {
      assert.equal(room.identity.firstOperator, undefined)
      const first = await room.identity.resetOperatorToken(by)
      const operator = room.identity.firstOperator
      assert.equal(whoIs(text(first.token)), operator)
      assert.match(text(first.token), /^clv_op_/)
      const second = await room.identity.rotateOperatorToken(first.view.id, by)
      const third = await room.identity.resetOperatorToken(by)
      for (let round = 0; round < 2; round += 1) {
        assert.deepEqual(
          [first, second, third].map(({ token }) => whoIs(text(token))),
          [undefined, undefined, operator],
        )
        assert.equal(room.identity.firstOperator, operator)
        await room.restart()
      }
      await assert.rejects(room.identity.rotateOperatorToken('tok_x', by), { code: 'token_unknown' })
    })

    test('die after 90 days', async () => {
      const { token } = await room.identity.resetOperatorToken(by)
      room.clock.advance(90 * DAY_MS - 1)
      assert.equal(room.identity.authenticate(text(token))?.kind, 'operator')
      room.clock.advance(1)
      assert.equal(room.identity.authenticate(text(token)), undefined)
    })
  })

  test('a sealed vault recognises nobody', async () => {
    await room.identity.addAgent('coder', by)
    const token = await room.issue('coder')
    room.identity.clear()
    assert.equal(room.identity.authenticate(token), undefined)
    room.storage.authenticateWith(undefined)
    await assert.rejects(room.identity.load(), { code: 'vault_sealed' })
    await assert.rejects(room.identity.addAgent('other', by), { code: 'vault_sealed' })
  })

  test('each change asks for its record, and no record holds a token', async () => {
    const records: Change[] = []
    room.storage.recordWith(async (change) => records.push(change))
    await room.identity.addAgent('coder', by)
    const token = await room.issue('coder')
    await room.identity.lockAgent('coder', by)
    await room.identity.emergencyRevoke(by)
    assert.deepEqual(
      records.map(({ record }) => [record.type, record.ev.what]),
      [
        ['auth', 'agent.added'],
        ['auth', 'token.issued'],
        ['revoke', 'agent.locked'],
        ['revoke', 'emergency.revoked'],
      ],
    )
    assert.equal(JSON.stringify(records.map(({ record }) => record)).includes(token.slice(24, 60)), false)
  })
})
