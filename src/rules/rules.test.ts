import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { AgentId, ServiceId } from '../ground/ids.ts'
import type { RuleInput } from './contract.ts'
import { RuleInput as RuleSchema } from './contract.ts'
import { by, json, question, TestRules } from './rules.support.ts'

let room: TestRules
beforeEach(async () => {
  room = await new TestRules().start()
})
afterEach(() => room.end())

/** A rule of each effect with this match. */
const three = (match: RuleInput['match'], more: Partial<RuleInput> = {}): RuleInput[] =>
  (['deny', 'ask', 'allow'] as const).map((effect) => ({ name: `by-${effect}`, effect, match, ...more }))

/** What a rule that denies and one that allows say, each alone; the default is the other. */
async function alone(rule: Omit<RuleInput, 'name' | 'effect'>, more: Parameters<typeof question>[0] = {}) {
  const said: Record<string, string> = {}
  for (const effect of ['deny', 'ask', 'allow'] as const) {
    const one = await room.add({ name: 'one', effect, ...rule })
    await room.rules.setDefault(effect === 'allow' ? 'deny' : 'allow', by)
    said[effect] = room.says(more)
    await room.rules.remove(one.id, by)
  }
  return said
}

const about = { deny: 'deny', ask: 'ask', allow: 'allow' }
const notAbout = { deny: 'none', ask: 'none', allow: 'deny' }
/** It cannot be told: refused and asked about all the same, and not allowed. */
const unknown = { deny: 'deny', ask: 'ask', allow: 'deny' }
const wantsBody = { deny: 'needs_body', ask: 'needs_body', allow: 'needs_body' }

describe('judge()', () => {
  test('says none where there is no rule, and the default where none is about the call', async () => {
    assert.equal(room.says(), 'none')
    await room.rules.setDefault('deny', by)
    assert.equal(room.says(), 'deny')
    await room.rules.setDefault('ask', by)
    const verdict = room.rules.judge(question())
    assert.deepEqual(verdict, {
      effect: 'ask',
      rules: [],
      terms: { assurance: 'passkey', lifeSeconds: 900, uses: 1 },
    })
  })

  test('lets deny beat ask, and ask beat allow', async () => {
    const [deny, ask, allow] = three({ services: ['srv_bank'] })
    await room.add(allow!)
    assert.equal(room.says(), 'allow')
    await room.add(ask!)
    assert.equal(room.says(), 'ask')
    const added = await room.add(deny!)
    const verdict = room.rules.judge(question())
    assert.ok(verdict !== 'needs_body')
    assert.deepEqual(verdict.rules, [{ id: added.id, name: 'by-deny', version: 1 }])
    assert.equal(room.says({ service: { id: 'srv_other' as ServiceId, name: 'other' } }), 'none')
  })

  const matches: readonly [string, Omit<RuleInput, 'name' | 'effect'>, Parameters<typeof question>[0], object][] = [
    ['the agent', { match: { agents: ['agent_1'] } }, {}, about],
    ['another agent', { match: { agents: ['agent_2'] } }, {}, notAbout],
    ['an action', { match: { actions: ['payment.create'] } }, {}, about],
    ['the beginning of an action', { match: { actions: ['payment.*'] } }, {}, about],
    ['another action', { match: { actions: ['payment.get', 'pay'] } }, {}, notAbout],
    ['no action', { match: { actions: ['payment.*'] } }, { resolution: { action: undefined, risk: 'low' } }, notAbout],
    [
      'one of two actions that it may be',
      { match: { actions: ['payment.create'] } },
      { resolution: { action: undefined, among: ['payment.create', 'x'], risk: 'low' } },
      unknown,
    ],
    ['a method', { match: { methods: ['POST', 'PUT'] } }, {}, about],
    ['another method', { match: { methods: ['GET'] } }, {}, notAbout],
    ['HEAD where GET is said', { match: { methods: ['GET'] } }, { method: 'HEAD' }, about],
    ['a method that nobody knows', { match: { methods: ['GET'] } }, { method: 'BREW' }, notAbout],
    ['a path', { match: { paths: ['/x', '/{kind}'] } }, {}, about],
    ['another path', { match: { paths: ['/payments/{id}'] } }, {}, notAbout],
    ['a path in other letters', { match: { paths: ['/payments'] } }, { path: '/Payments' }, unknown],
    ['a path with a slash at its end', { match: { paths: ['/payments'] } }, { path: '/payments/' }, unknown],
    ['a segment that hides a slash', { match: { paths: ['/{+all}'] } }, { path: '/a%2Fb/c' }, unknown],
    ['a query value', { match: { query: { dry: ['no', '0'] } } }, { path: '/p?dry=0' }, about],
    ['another query value', { match: { query: { dry: 'no' } } }, { path: '/p?dry=yes' }, notAbout],
    ['no such query key', { match: { query: { dry: 'no' } } }, { path: '/p?a=no' }, notAbout],
    ['a query key twice', { match: { query: { dry: 'no' } } }, { path: '/p?dry=yes&dry=no' }, unknown],
    ['a query key that some read as it', { match: { query: { dry: 'no' } } }, { path: '/p?DRY=no' }, unknown],
    ['a risk', { match: { risk: ['medium', 'high'] } }, {}, about],
    ['another risk', { match: { risk: 'high' } }, {}, notAbout],
    ['trust that is too low', { match: { trust: { below: 6 } } }, {}, about],
    ['trust that is enough', { match: { trust: { below: 5 } } }, {}, notAbout],
    ['trust from', { match: { trust: { atLeast: 5 } } }, {}, about],
    ['a finding', { match: { findings: ['note'] } }, { findings: [{ id: 'fnd_1', effect: 'note' }] }, about],
    ['no finding', { match: { findings: ['note'] } }, {}, notAbout],
    ['findings that are not known', { match: { findings: ['note'] } }, { findings: undefined }, unknown],
    ['a condition', { when: "method == 'POST' && agent.name == 'coder'" }, {}, about],
    ['a condition that does not hold', { when: "service.name != 'bank'" }, {}, notAbout],
    ['a condition that fails', { when: 'agent.age > 3' }, {}, unknown],
    ['a condition that is no yes or no', { when: "'yes'" }, {}, unknown],
    ['findings that a condition asks for in vain', { when: 'findings.size() == 0' }, { findings: undefined }, unknown],
  ]
  for (const [what, rule, call, expected] of matches) {
    test(`tells ${what}`, async () => {
      assert.deepEqual(await alone(rule, call), expected)
    })
  }

  test('takes trust that is not known for a reason to refuse and to ask, and for none to allow', async () => {
    room.trust = undefined
    for (const rule of [{ match: { trust: { below: 3 } } }, { when: 'trust < 3.0' }]) {
      assert.deepEqual(await alone(rule), unknown)
    }
  })
})

describe('rules about the body', () => {
  const large = { match: { body: { '/amount': [1_000, 2_000], '/to/0': 'x' } } }
  const bodies: readonly [string, Omit<RuleInput, 'name' | 'effect'>, Parameters<typeof question>[0], object][] = [
    ['not read yet', large, {}, wantsBody],
    ['with what is wanted', large, { contents: json({ amount: 2_000, to: ['x'] }) }, about],
    ['with something else', large, { contents: json({ amount: 2_000, to: ['y'] }) }, notAbout],
    ['without a member', large, { contents: json({ amount: 2_000 }) }, notAbout],
    ['whose number is text', large, { contents: json({ amount: '2000', to: ['x'] }) }, notAbout],
    ['that is not there', large, { contents: { body: undefined } }, notAbout],
    ['that could not be read', large, { contents: 'unreadable' }, unknown],
    ['that is no JSON', large, { contents: { body: Buffer.from('amount=2000') } }, unknown],
    ['with a name twice', large, { contents: { body: Buffer.from('{"amount":1,"amount":2000}') } }, unknown],
    ['in other bytes than UTF-8', large, { contents: { body: Buffer.from([0xff, 0x7b]) } }, unknown],
    ['too large', large, { contents: json({ amount: 'x'.repeat(300_000) }) }, unknown],
    ['with too many values', large, { contents: json(Array.from({ length: 20_000 }, () => 1)) }, unknown],
    ['by a condition', { when: 'body.amount > 1000' }, { contents: json({ amount: 1_001 }) }, about],
    ['by a condition, not read yet', { when: 'body.amount > 1000' }, {}, wantsBody],
    ['by a condition that holds without', { when: "method == 'POST' || body.x" }, {}, about],
    ['by a condition that fails without', { when: "method == 'GET' && body.x" }, {}, notAbout],
    ['by a condition, with no such member', { when: 'body.amount > 1000' }, { contents: json({}) }, unknown],
    ['by a condition that looks first', { when: 'has(body.x) && body.x > 1' }, { contents: json({}) }, notAbout],
    ['by a condition that looks first, not read yet', { when: 'has(body.x) && body.x > 1' }, {}, wantsBody],
    [
      'by a condition that would rather not know, unreadable',
      { when: '!has(body.x)' },
      { contents: 'unreadable' },
      unknown,
    ],
    ['by a condition, unreadable', { when: 'has(body.x) && body.x > 1' }, { contents: 'unreadable' }, unknown],
    ['by a condition, with names of objects', { when: 'has(body.constructor)' }, { contents: json({}) }, notAbout],
    [
      'by a macro',
      { when: "body.items.exists(item, item.sku.startsWith('gold'))" },
      { contents: json({ items: [{ sku: 'tin' }, { sku: 'golden' }] }) },
      about,
    ],
  ]
  for (const [what, rule, call, expected] of bodies) {
    test(`judge a body ${what}`, async () => {
      assert.deepEqual(await alone(rule, call), expected)
    })
  }

  test('do not want it where something else does not fit, or another rule denies already', async () => {
    await room.add({ name: 'large', effect: 'ask', match: { methods: ['PUT'], body: { '/amount': 1 } } })
    assert.equal(room.says(), 'none')
    assert.equal(room.says({ method: 'PUT' }), 'needs_body')
    await room.add({ name: 'never', effect: 'deny', match: { methods: ['PUT'] } })
    assert.equal(room.says({ method: 'PUT' }), 'deny')
  })

  test('do not want it to allow what is allowed anyway', async () => {
    await room.add({ name: 'small', effect: 'allow', match: { body: { '/amount': 1 } } })
    assert.equal(room.says(), 'none')
    await room.rules.setDefault('ask', by)
    assert.equal(room.says(), 'needs_body')
    await room.add({ name: 'all', effect: 'ask' })
    assert.equal(room.says(), 'ask')
  })
})

describe('a set of rules', () => {
  test('asks by the strongest assurance and the least of everything else', async () => {
    const window = { maxSeconds: 600, maxUses: 5 }
    await room.add({ name: 'a', effect: 'ask', ask: { assurance: 'tap', lifeSeconds: 60, uses: 9, window } })
    await room.add({ name: 'b', effect: 'ask', ask: { assurance: 'two-people', lifeSeconds: 90, uses: 3, window } })
    const both = room.rules.judge(question())
    assert.deepEqual(both !== 'needs_body' && both.terms, { assurance: 'two-people', lifeSeconds: 60, uses: 3, window })
    await room.add({ name: 'c', effect: 'ask' })
    const three = room.rules.judge(question())
    assert.deepEqual(three !== 'needs_body' && three.terms, { assurance: 'two-people', lifeSeconds: 60, uses: 1 })
  })

  test('raises the version of a rule by every change, over a restart, and keeps its id', async () => {
    const { id } = await room.add({ name: 'a', effect: 'ask' })
    const change = (name: string) => room.rules.replace('a', RuleSchema.parse({ name, effect: 'deny' }), by)
    assert.deepEqual([(await change('a')).version, (await change('a')).version], [2, 3])
    await room.restart()
    const last = await change('b')
    assert.deepEqual([last.id, last.version, room.rules.find('b').version], [id, 4, 4])
    const verdict = room.rules.judge(question())
    assert.deepEqual(verdict !== 'needs_body' && verdict.rules, [{ id, name: 'b', version: 4 }])
    assert.throws(() => room.rules.find('a'), { code: 'rule_unknown' })
  })

  test('records every change', async () => {
    const { id } = await room.add({ name: 'a', effect: 'ask' })
    await room.rules.replace('a', RuleSchema.parse({ name: 'a', effect: 'deny' }), by)
    await room.rules.setDefault('ask', by)
    await room.rules.remove('a', by)
    const told = room.changes.map(({ record: { type, ev } }) => [type, ev.id ?? ev.effect, ev.version])
    assert.deepEqual(told, [
      ['rule.added', id, 1],
      ['rule.changed', id, 2],
      ['rule.default', 'ask', undefined],
      ['rule.removed', id, undefined],
    ])
  })

  const refused: readonly [Partial<RuleInput>, string][] = [
    [{ ask: {} }, 'rule_invalid'],
    [{ match: { paths: ['no-slash'] } }, 'template_invalid'],
    [{ match: { time: { zone: 'Mars/Olympus' } } }, 'rule_invalid'],
    [{ match: { time: { zone: 'UTC', from: '08:00', to: '08:00' } } }, 'rule_invalid'],
    [{ match: { trust: {} } }, 'rule_invalid'],
    [{ match: { trust: { atLeast: 5, below: 5 } } }, 'rule_invalid'],
    [{ when: 'method ==' }, 'rule_condition_invalid'],
  ]
  for (const [more, code] of refused) {
    test(`does not take ${JSON.stringify(more)}`, async () => {
      await assert.rejects(room.add({ name: 'a', effect: 'deny', ...more }), { code })
      assert.equal(room.says(), 'none')
    })
  }

  test('has each name once', async () => {
    await room.add({ name: 'a', effect: 'ask' })
    await room.add({ name: 'b', effect: 'ask' })
    await assert.rejects(room.add({ name: 'a', effect: 'deny' }), { code: 'rule_exists' })
    const renamed = RuleSchema.parse({ name: 'b', effect: 'deny' })
    await assert.rejects(room.rules.replace('a', renamed, by), { code: 'rule_exists' })
  })

  test('refuses members that no rule has', () => {
    const rule = { name: 'a', effect: 'deny' }
    const unknownMembers = [
      { ...rule, effekt: 1 },
      { ...rule, match: { service: ['x'] } },
      { ...rule, ask: { level: 'tap' } },
      { ...rule, match: { time: { zone: 'UTC', day: 'mon' } } },
    ]
    for (const one of unknownMembers) assert.equal(RuleSchema.safeParse(one).success, false)
    const bounds = [{ lifeSeconds: 29 }, { lifeSeconds: 86_401 }, { uses: 0 }, { uses: 101 }]
    for (const ask of bounds) assert.equal(RuleSchema.safeParse({ ...rule, effect: 'ask', ask }).success, false)
  })
})

describe('rows edited by other hands', () => {
  const edits = [
    "UPDATE rules SET definition = replace(definition, 'deny', 'allow')",
    "UPDATE rules SET name = 'other'",
    'UPDATE rules SET version = 7',
    'UPDATE rules SET mac = zeroblob(32)',
  ]
  for (const edit of edits) {
    test(`${edit}: everything is denied until the rule is removed`, async () => {
      const { id } = await room.add({ name: 'a', effect: 'deny', match: { agents: ['agent_9'] } })
      assert.equal(room.says(), 'none')
      await room.restart(edit)
      assert.deepEqual(room.bad, [id])
      assert.equal(room.says(), 'deny')
      const call = question({ agent: { id: 'agent_2' as AgentId } })
      assert.deepEqual(room.rules.judge(call), { effect: 'deny', rules: [{ id, name: id, version: 0 }] })
      await room.rules.remove(id, by)
      assert.equal(room.says(), 'none')
    })
  }

  test('a default that was set by other hands counts for nothing: everything is denied', async () => {
    await room.rules.setDefault('deny', by)
    await room.restart("UPDATE rule_settings SET value = 'allow'")
    assert.deepEqual(room.bad, ['default'])
    assert.equal(room.says(), 'deny')
    await room.rules.setDefault('allow', by)
    assert.equal(room.says(), 'none')
  })

  test('a rule that was deleted is found before anything is believed', async () => {
    await room.add({ name: 'a', effect: 'deny' })
    await room.restart('DELETE FROM rules')
    assert.equal(await room.storage.checkRows(), 'tampered')
  })

  test('sealed, and before it is read, everything is denied', async () => {
    room.rules.clear()
    assert.equal(room.says(), 'deny')
    await room.rules.load()
    assert.equal(room.says(), 'none')
  })
})
