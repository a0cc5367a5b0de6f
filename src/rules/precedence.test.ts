import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ASSURANCES } from '../policy/assurance.ts'
import { compileRule } from './compile-rule.ts'
import { type CallFacts, type RuleId, RuleInput } from './contract.ts'
import { counts, judgeBy } from './judge.ts'
import { readBody } from './read-body.ts'
import { RuleIndex } from './rule-index.ts'
import { question } from './rules.support.ts'
import { ZoneClock } from './time-window.ts'

const { agent, service, method, target, now } = question({ path: '/payments?dry=no' })
const parts = fc.record(
  {
    agents: fc.constantFrom(['agent_1'], ['agent_2']),
    services: fc.constantFrom(['srv_bank'], ['srv_other'], ['srv_other', 'srv_bank']),
    methods: fc.constantFrom(['POST' as const], ['GET' as const]),
    paths: fc.constantFrom(['/payments'], ['/PAYMENTS'], ['/other']),
    query: fc.constantFrom({ dry: 'no' }, { dry: 'yes' }),
    body: fc.constantFrom({ '/a': 1 }, { '/a': 2 }),
    risk: fc.constantFrom('medium' as const, 'high' as const),
    trust: fc.constantFrom({ below: 5 }, { atLeast: 5 }),
    findings: fc.constantFrom(['note' as const], ['ask' as const]),
  },
  { requiredKeys: [] },
)
const rule = fc.record(
  {
    effect: fc.constantFrom('allow' as const, 'ask' as const, 'deny' as const),
    match: parts,
    when: fc.constantFrom("method == 'POST'", 'body.a == 1', 'trust > 3.0', 'has(body.b)', 'false'),
    assurance: fc.constantFrom(...ASSURANCES),
    uses: fc.integer({ min: 1, max: 100 }),
  },
  { requiredKeys: ['effect', 'match'] },
)
const facts = fc.record({
  trust: fc.constantFrom(undefined, 3, 6),
  findings: fc.constantFrom(undefined, [], [{ id: 'fnd_1', effect: 'note' as const }]),
  risk: fc.constantFrom(undefined, 'medium' as const, 'high' as const),
  body: fc.constantFrom(
    readBody(undefined),
    readBody(Buffer.from('{"a":1}')),
    readBody(Buffer.from('{"a":2,"b":1}')),
    readBody(Buffer.from('no')),
  ),
})

type Made<A> = A extends fc.Arbitrary<infer T> ? T : never
type MadeRule = Made<typeof rule>
type MadeFacts = Made<typeof facts>

async function compiled(rules: readonly MadeRule[]) {
  const clock = new ZoneClock('UTC')
  const made = rules.map(({ effect, match, when, assurance, uses }, at) => {
    const ask = effect === 'ask' ? { ask: { ...(assurance && { assurance }), ...(uses && { uses }) } } : {}
    const definition = RuleInput.parse({ name: `r${at}`, effect, match, when, ...ask })
    const record = {
      id: `rul_${String(at).padStart(3, '0')}` as RuleId,
      version: 1,
      definition,
      createdAt: 0,
      updatedAt: 0,
    }
    return compileRule(record, () => clock)
  })
  return Promise.all(made)
}

const callOf = (more: MadeFacts): CallFacts => ({
  now,
  agent: agent.id,
  agentName: agent.name,
  service: service.id,
  serviceName: service.name,
  actions: ['payment.create'],
  method,
  target,
  ...more,
})

const settings = { numRuns: 300, seed: 20_260_101 }

describe('judgeBy()', () => {
  test('gives what the strongest effect among the rules about the call says, whatever the set', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(rule, { maxLength: 8 }),
        facts,
        fc.constantFrom('allow' as const, 'deny' as const),
        async (set, more, byDefault) => {
          const call = callOf(more)
          const rules = await compiled(set)
          const verdict = judgeBy(rules, call, byDefault)
          assert.ok(verdict !== 'needs_body')
          const alone = rules.filter((one) => {
            const said = judgeBy([one], call, one.effect === 'allow' ? 'deny' : 'allow')
            return said !== 'needs_body' && said.effect === one.effect
          })
          const effect = (['deny', 'ask', 'allow'] as const).find((name) => alone.some((one) => one.effect === name))
          assert.equal(verdict.effect, effect ?? (byDefault === 'deny' ? 'deny' : 'none'))
          const decided = alone.filter((one) => one.effect === effect)
          assert.deepEqual(
            verdict.rules.map(({ id }) => id),
            decided.map(({ ref }) => ref.id),
          )
          if (effect !== 'ask') return
          const strongest = Math.max(...decided.map(({ terms }) => ASSURANCES.indexOf(terms!.assurance)))
          assert.equal(verdict.terms?.assurance, ASSURANCES[strongest])
          assert.equal(verdict.terms?.uses, Math.min(...decided.map(({ terms }) => terms!.uses)))
        },
      ),
      settings,
    )
  })

  test('says the same for every order in which rules were put', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(rule, { maxLength: 8 }).chain((set) =>
          fc.tuple(
            fc.constant(set),
            fc.shuffledSubarray(
              set.map((_, at) => at),
              { minLength: set.length },
            ),
          ),
        ),
        facts,
        async ([set, order], more) => {
          const rules = await compiled(set)
          const judge = (list: typeof rules) =>
            judgeBy(new RuleIndex(list).about(service.id, method), callOf(more), 'allow')
          assert.deepEqual(judge(order.map((at) => rules[at]!)), judge(rules))
        },
      ),
      settings,
    )
  })

  test('never allows more when it knows less', async () => {
    const rank = { none: 0, allow: 0, ask: 1, deny: 2 } as const
    const known = facts.filter(
      ({ trust, findings, risk, body }) =>
        trust !== undefined && findings !== undefined && risk !== undefined && body.kind === 'json',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(rule, { maxLength: 8 }), known, facts, async (set, all, mask) => {
        const rules = await compiled(set)
        const less = {
          trust: mask.trust === undefined ? undefined : all.trust,
          findings: mask.findings === undefined ? undefined : all.findings,
          risk: mask.risk === undefined ? undefined : all.risk,
          body: mask.body.kind === 'unreadable' ? mask.body : all.body,
        }
        const say = (call: MadeFacts, byDefault: 'allow' | 'deny') => {
          const verdict = judgeBy(rules, callOf(call), byDefault)
          assert.ok(verdict !== 'needs_body')
          return verdict.effect
        }
        assert.ok(rank[say(less, 'allow')] >= rank[say(all, 'allow')])
        if (say(less, 'deny') === 'allow') assert.equal(say(all, 'deny'), 'allow')
      }),
      settings,
    )
  })
})

test('counts() takes what is not known for a match, but not to allow', () => {
  assert.deepEqual(
    [counts('deny', 'unknown'), counts('ask', 'unknown'), counts('allow', 'unknown')],
    [true, true, false],
  )
})
