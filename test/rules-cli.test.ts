// `claviger rule …` beside a gateway, as the guide has it.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { exitCode } from '../src/cli/exit-codes.ts'
import { inProcess } from '../src/cli/testing/in-process.ts'
import { type World, world } from './instruments/world.ts'

const noDeletes = { name: 'no-deletes', effect: 'deny', match: { services: ['u'], methods: ['DELETE'] } }
const refunds = {
  name: 'large-refunds',
  effect: 'ask',
  match: { services: ['u'], actions: ['refund'] },
  when: "!has(body.amount) || body.amount > 5000 || path.matches('^/refunds/vip-')",
  ask: { assurance: 'tap', lifeSeconds: 600 },
}

describe('claviger rule', () => {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-rule-'))
  let around: World
  before(async () => {
    around = await world({ service: { actions: { refund: { method: 'POST', path: '/refunds/{id}' } } } })
  })
  after(async () => {
    await around[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  })

  const rule = async (args: readonly string[], { code = 0, stdin = '' } = {}) => {
    const { home, operatorToken } = around.gateway
    const env = { CLAVIGER_HOME: home, CLAVIGER_OPERATOR_TOKEN: operatorToken }
    const ended = await inProcess(['rule', ...args], { env, stdin })
    assert.equal(ended.code, code, `claviger rule ${args.join(' ')}\n${ended.stdout}${ended.stderr}`)
    return ended
  }
  const asJson = async (args: readonly string[], options = {}) =>
    JSON.parse((await rule([...args, '--json'], options)).stdout)
  const file = (name: string, value: unknown) => {
    const path = join(folder, name)
    writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value))
    return path
  }
  const refusedWith = async (args: readonly string[], reason: string, options: { code: number; stdin?: string }) => {
    const { stderr, stdout } = await rule(args, options)
    assert.ok(stderr.includes(`[${reason}]`), stderr)
    assert.equal(stdout, '')
    return stderr
  }

  test('adds a rule from a file, from stdin and from the command line, shows, lists and removes it', async () => {
    const ways: readonly [given: string, stdin: string][] = [
      [file('no-deletes.json', noDeletes), ''],
      ['-', JSON.stringify(noDeletes)],
      [JSON.stringify(noDeletes), ''],
    ]
    for (const [given, stdin] of ways) {
      const added = await asJson(['add', given], { stdin })
      assert.deepEqual([added.name, added.effect, added.match], [noDeletes.name, noDeletes.effect, noDeletes.match])
      assert.equal((await around.call('/x', { method: 'DELETE' })).code, 'rule_denies')
      const { stdout } = await rule(['list'])
      assert.match(stdout, /no-deletes +deny +services=\["u"\] methods=\["DELETE"\]/)
      assert.match(stdout, /default: allow\n$/)
      for (const by of ['no-deletes', added.id]) assert.deepEqual(await asJson(['show', by]), added)
      await rule(['remove', 'no-deletes'])
      assert.deepEqual(await asJson(['list']), { items: [], default: 'allow' })
      assert.equal((await around.call('/x', { method: 'DELETE' })).status, 200)
    }
    assert.equal(around.upstream.received('/x').length, 3)
  })

  test('puts a rule in the place of another where it is told to, and not otherwise', async () => {
    const given = file('refunds.json', refunds)
    const first = await asJson(['add', given])
    await refusedWith(['add', given], 'rule_exists', { code: exitCode.refused })
    const changed = { ...refunds, effect: 'deny', ask: undefined, note: 'until the books are closed' }
    const second = await asJson(['add', JSON.stringify(changed), '--replace'])
    assert.deepEqual([second.id, second.version, second.effect], [first.id, 2, 'deny'])
    await refusedWith(['add', JSON.stringify({ ...noDeletes, name: 'other' }), '--replace'], 'rule_unknown', {
      code: exitCode.refused,
    })
    await rule(['remove', first.id])
    await refusedWith(['show', 'large-refunds'], 'rule_unknown', { code: exitCode.refused })
  })

  test('tries a rule on the calls on record, and does not add it', async () => {
    await around.call('/one', { method: 'DELETE' })
    await around.call('/two')
    const tried = await asJson(['test', JSON.stringify({ ...noDeletes, name: 'candidate' }), '--days', '7'])
    assert.equal(tried.effect, 'deny')
    assert.ok(tried.about >= 1 && tried.notAbout >= 1, JSON.stringify(tried))
    assert.equal(tried.calls, tried.about + tried.notAbout + tried.cannotTell)
    const { stdout } = await rule(['test', file('candidate.json', { ...noDeletes, name: 'candidate' })])
    assert.match(stdout, /agent-of-u +u +DELETE +\/one +about/)
    assert.deepEqual((await asJson(['list'])).items, [])
  })

  test('explains which rules are about a call, and ends with what that means', async () => {
    await rule(['add', JSON.stringify(refunds)])
    await rule(['add', JSON.stringify(noDeletes)])
    const of = async (code: number, ...args: string[]) => asJson(['explain', 'agent-of-u', 'u', ...args], { code })
    assert.equal((await of(exitCode.ok, 'GET', '/x')).effect, 'none')
    const denied = await of(exitCode.refused, 'DELETE', '/x')
    const said = denied.rules.map(({ name, about }: { name: string; about: string }) => `${name}: ${about}`)
    assert.deepEqual([denied.effect, said.sort()], ['deny', ['large-refunds: no', 'no-deletes: yes']])
    const small = file('small.json', { amount: 12 })
    assert.equal((await of(exitCode.ok, 'POST', '/refunds/7', '--body', small)).effect, 'none')
    assert.equal((await of(exitCode.refused, 'POST', '/refunds/7')).effect, 'needs_body')
    const vip = await of(exitCode.refused, 'POST', '/refunds/vip-7', '--body', small)
    assert.deepEqual([vip.effect, vip.terms], ['ask', { assurance: 'tap', lifeSeconds: 600, uses: 1 }])
    const { stdout } = await rule(
      ['explain', 'agent-of-u', 'u', 'POST', '/refunds/7', '--query', 'dry=yes', '--body', small],
      {},
    )
    assert.match(stdout, /large-refunds +ask +no +services=yes actions=yes when=no/)
    for (const { name } of (await asJson(['list'])).items) await rule(['remove', name])
  })

  test('says and sets what holds where no rule is about a call', async () => {
    assert.deepEqual(await asJson(['default']), { effect: 'allow' })
    await rule(['default', 'deny'])
    assert.equal((await around.call('/y')).code, 'rule_denies')
    assert.equal((await rule(['default'])).stdout, 'default: deny\n')
    await rule(['default', 'allow'])
    assert.equal((await around.call('/y')).status, 200)
    await refusedWith(['default', 'maybe'], 'usage', { code: exitCode.usage })
  })

  test('prints the schema that the documents have', async () => {
    const kept = readFileSync(join(import.meta.dirname, '..', 'docs', 'rule.schema.json'), 'utf8')
    assert.deepEqual(await asJson(['schema']), JSON.parse(kept))
  })

  const secret = 'sk-canary-in-a-rule-77aa'
  const refused: readonly [what: string, given: string, stdin: string, reason: string, code: number][] = [
    ['JSON that is none', `{"name": ${secret}`, '', 'file_not_json', exitCode.refused],
    ['JSON from stdin that is none', '-', `[${secret}`, 'file_not_json', exitCode.refused],
    ['a list', '-', '[]', 'file_not_json', exitCode.refused],
    ['nothing on stdin', '-', '', 'file_not_json', exitCode.refused],
    ['a file that is not there', join(folder, 'none.json'), '', 'file_unreadable', exitCode.usage],
    [
      'a member that there is not',
      JSON.stringify({ ...noDeletes, unless: secret }),
      '',
      'request_invalid',
      exitCode.refused,
    ],
    [
      'a condition that is none',
      JSON.stringify({ ...noDeletes, when: `body.${secret} ==` }),
      '',
      'rule_condition_invalid',
      exitCode.refused,
    ],
    [
      'a service that there is not',
      JSON.stringify({ ...noDeletes, match: { services: ['nope'] } }),
      '',
      'service_unknown',
      exitCode.refused,
    ],
    ['what asks and denies', JSON.stringify({ ...refunds, effect: 'deny' }), '', 'rule_invalid', exitCode.refused],
  ]
  for (const [what, given, stdin, reason, code] of refused) {
    test(`refuses ${what}, says why and repeats nothing of it`, async () => {
      for (const verb of ['add', 'test']) {
        assert.ok(!(await refusedWith([verb, given], reason, { code, stdin })).includes(secret))
      }
      assert.deepEqual((await asJson(['list'])).items, [])
    })
  }
})
