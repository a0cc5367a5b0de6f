import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compileCondition } from './condition.ts'
import { ConditionFacts, FACTS } from './condition-facts.ts'
import type { CallFacts, Tri } from './contract.ts'
import { readBody } from './read-body.ts'
import { question } from './rules.support.ts'

const { agent, service, method, target, now } = question({ path: '/payments/7?tag=a&tag=b' })
const facts: CallFacts = {
  now,
  agent: agent.id,
  agentName: agent.name,
  service: service.id,
  serviceName: service.name,
  actions: ['payment.create'],
  risk: 'medium',
  method,
  target,
  trust: 4.5,
  findings: [{ id: 'fnd_1', effect: 'note' }],
  body: readBody(Buffer.from('{"amount":12,"to":{"name":"x"},"items":[1,2,3]}')),
}

function evaluate(text: string, more: Partial<CallFacts> = {}): Tri {
  const condition = compileCondition(text)
  return condition.evaluate(new ConditionFacts({ ...facts, ...more }, condition.missing))
}

describe('compileCondition()', () => {
  test('offers the facts of a call', () => {
    const hold = [
      "agent.id == 'agent_1' && agent.name == 'coder'",
      "service.id == 'srv_bank' && service.name == 'bank'",
      "action == 'payment.create' && 'payment.create' in actions && risk == 'medium'",
      "method == 'POST' && path == '/payments/7' && segments[1] == '7'",
      "query.tag == ['a', 'b'] && !('dry' in query)",
      "body.amount >= 12 && body.to.name == 'x' && body.items.all(item, item < 4)",
      "trust < 5.0 && findings.exists(one, one.effect == 'note')",
      "now == timestamp('2026-01-01T12:00:00Z') && now.getHours('Europe/Berlin') == 13",
      "path.matches('^/payments/[0-9]+$')",
      'int(body.amount) % 5 == 2',
    ]
    for (const text of hold) assert.equal(evaluate(text), 'yes', text)
  })

  test('cannot tell where a fact is missing, whichever', () => {
    const missing: readonly [string, Partial<CallFacts>][] = [
      ["agent.name == 'coder'", { agentName: undefined }],
      ["service.id == 'srv_bank'", { service: undefined }],
      ["action != ''", { actions: undefined }],
      ["!('x' in actions)", { actions: undefined }],
      ["risk != 'high'", { risk: undefined }],
      ["path != '/'", { hidden: { path: true, query: new Set() } }],
      ['segments.size() > 0', { hidden: { path: true, query: new Set() } }],
      ['!has(query.dry)', { hidden: { path: false, query: new Set(['tag']) } }],
      ['!has(body.x)', { body: undefined }],
      ['!has(body.x)', { body: { kind: 'unreadable' } }],
      ['trust < 11.0', { trust: undefined }],
      ['findings.size() == 1', { findings: undefined }],
    ]
    for (const [text, more] of missing) {
      assert.equal(evaluate(text), 'yes', text)
      assert.equal(evaluate(text, more), 'unknown', text)
      assert.equal(evaluate(`(${text}) || method == 'POST'`, more), 'yes', text)
      assert.equal(evaluate(`(${text}) && method == 'GET'`, more), 'no', text)
    }
    assert.ok(FACTS.length > 0)
  })

  const refused: readonly [what: string, text: string][] = [
    ['what is no CEL', 'method =='],
    ['a fact that there is not', 'bdoy.amount > 1'],
    ['a name of JavaScript', 'constructor'],
    ['the name of the meter', '@bounded(body)'],
    ['a function that there is not', "fetch('https://example.com')"],
    ['a message', 'google.protobuf.Duration{seconds: 1}'],
    ['a pattern of the caller', 'path.matches(body.pattern)'],
    ['a pattern that looks around', "path.matches('(?=a)')"],
    ['a pattern that refers back', "path.matches('(a)\\\\1')"],
    ['a pattern that repeats too much', "path.matches('(a{100}){100}')"],
    ['what is nested too deeply', `${'('.repeat(60)}[${'['.repeat(60)}${']'.repeat(60)}]${')'.repeat(60)} == []`],
    ['what would be nested without an end', `${'['.repeat(1_000)}${']'.repeat(1_000)} == []`],
    ['what is too long', `'${'x'.repeat(3_000)}' == path`],
    ['what has too many parts', Array.from({ length: 500 }, () => 'risk').join('==')],
    [
      'macros in macros in macros in macros',
      'body.a.all(a, body.a.all(b, body.a.all(c, body.a.all(d, a == b && c == d))))',
    ],
  ]
  for (const [what, text] of refused) {
    test(`refuses ${what}`, () => {
      assert.throws(() => compileCondition(text), { code: 'rule_condition_invalid' })
    })
  }

  const many = (size: number) => ({ a: Array.from({ length: size }, (_, at) => at), text: 'x'.repeat(100_000) })
  const dear: readonly [what: string, text: string, body: unknown][] = [
    ['a macro over too many elements', 'body.a.all(a, a >= 0)', many(3_000)],
    ['macros in macros', 'body.a.all(a, body.a.all(b, body.a.all(c, a + b + c >= 0.0)))', many(500)],
    ['a list in a loop', 'body.a.all(a, a in body.a)', many(2_000)],
    ['the whole body compared in a loop', 'body.a.all(a, body == body)', many(2_000)],
    ['a pattern in a loop', "body.a.all(a, body.text.matches('(x+x+)+x'))", many(500)],
    ['a pattern on a long text', "body.text.matches('(a|b|c|d|e|x){1,20}y(a|b|c|d)')", many(1)],
    ['a search in a loop', "body.a.all(a, body.text.contains('y') || true)", many(500)],
    ['lists of lists', 'body.a.map(a, body.a.map(b, [a, b])).map(c, c).size() > 0', many(400)],
  ]
  for (const [what, text, body] of dear) {
    test(`cannot tell what would cost too much: ${what}`, () => {
      const read = readBody(Buffer.from(JSON.stringify(body)))
      assert.equal(read.kind, 'json')
      assert.equal(evaluate(text, { body: read }), 'unknown')
      // The meter is set back: the next one is not refused for what this one cost.
      assert.equal(evaluate('body.amount == 12'), 'yes')
    })
  }

  test('does what costs little on a body of the usual size', () => {
    const body = readBody(Buffer.from(JSON.stringify({ a: many(1_000).a, text: 'x'.repeat(10_000) })))
    assert.equal(evaluate('body.a.exists(a, a == 999)', { body }), 'yes')
    assert.equal(evaluate("body.text.matches('x{3}$')", { body }), 'yes')
    assert.equal(evaluate('body.a.filter(a, a > 500).size() == 499', { body }), 'yes')
  })
})
