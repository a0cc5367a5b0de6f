// What an operator sees of a call that waits, through the API and the command line.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { asOperator } from './instruments/command-line.ts'
import { type World, world } from './instruments/world.ts'

interface Detail {
  readonly shown: {
    readonly facts: readonly { readonly name: string; readonly value: string }[]
    readonly warnings: readonly string[]
    readonly body?: { readonly lines: readonly string[] }
  }
  readonly text: string
}

const KEY = ['sk', 'live', 'Zq8R2mV5tYw1XcB7nKp4LdHs'].join('_')

/** The id of a call that waits. */
async function waits(around: World, body: string | undefined, path = '/pay/7'): Promise<string> {
  const headers = { 'content-type': 'application/json', prefer: 'wait=0' }
  const reply = await around.call(path, { method: 'POST', headers, ...(body === undefined ? {} : { body }) })
  assert.equal(reply.code, 'approval_required', reply.text())
  return (reply.json() as { approval: string }).approval
}

const asking = () => world({ service: { actions: { pay: { method: 'POST', path: '/pay/{id}', ask: 'tap' } } } })

describe('an approval', () => {
  test('is shown with its decoded body, safe to draw, without what it would give away', async () => {
    await using around = await asking()
    const body = `{"amount":42.50,"to":"ann\\u202e","to":"eve","note":"${KEY}"}`
    const id = await waits(around, body)
    const detail = await around.gateway.does<Detail>('GET', `/approvals/${id}`)
    assert.deepEqual(detail.shown.body?.lines, [
      '{',
      '  "amount": 42.50,',
      '  "to": "ann⟨U+202E⟩",',
      '  "to": "eve",',
      `  "note": "⟨hidden: ${KEY.length} characters, ending in LdHs⟩"`,
      '}',
    ])
    assert.ok(detail.shown.warnings.some((warning) => warning.includes('a name occurs twice')))
    const { stdout } = await asOperator(around.gateway, `approval show ${id}`)
    assert.ok(stdout.includes(detail.text.slice(detail.text.indexOf('Body ('))), stdout)
    assert.match(stdout, /^method: POST$/m)
    assert.match(stdout, /^path: \/pay\/7$/m)
    assert.ok(!`${stdout}${JSON.stringify(detail)}`.includes(KEY))
    assert.ok(!stdout.includes(around.secret))
    assert.ok(!stdout.includes('\u202e'))
  })

  test('says why a human is asked: trust, the rules that asked and what their operator noted', async () => {
    await using around = await asking()
    const note = 'ann wants to see these'
    const rule = { name: 'all-pays', effect: 'ask', match: { services: ['u'], actions: ['pay'] }, note }
    const body = { when: 'body.amount > 5', ask: { assurance: 'tap' } }
    await around.gateway.does('POST', '/rules', { ...rule, ...body })
    const id = await waits(around, '{"amount":42}')
    const facts = async (name: string) => {
      const { shown } = await around.gateway.does<Detail>('GET', `/approvals/${id}`)
      return shown.facts.filter((fact) => fact.name === name).map(({ value }) => value)
    }
    assert.deepEqual(await facts('trust'), ['5 of 10, neutral, by 0 reports'])
    const own = 'the service wants a human for u:pay'
    assert.deepEqual((await facts('stopped because')).sort(), [
      `all-pays: services u; actions pay; when body.amount > 5 (“${note}”)`,
      own,
    ])
    await around.gateway.does('PUT', '/rules/all-pays', { ...rule, ...body, note: 'another' })
    assert.deepEqual((await facts('stopped because')).sort(), [
      'all-pays, which was changed since: a yes does not fit any more',
      own,
    ])
    await around.gateway.does('DELETE', '/rules/all-pays')
    assert.ok((await facts('stopped because'))[0]?.startsWith('all-pays, which was removed since'))
  })

  test('asks where no rule is about a call, and says that', async () => {
    await using around = await asking()
    await around.gateway.does('PUT', '/rule-default', { effect: 'ask' })
    const id = await waits(around, undefined, '/other')
    const { text } = await around.gateway.does<Detail>('GET', `/approvals/${id}`)
    assert.match(text, /^stopped because: no rule is about it/m)
  })

  test('says each thing once on the command line, and who answered what', async () => {
    await using around = await asking()
    const id = await waits(around, '{"amount":42}')
    const before = (await asOperator(around.gateway, `approval show ${id}`)).stdout
    for (const said of ['agent-of-u', 'path: /pay/7', 'uses', 'digest', 'answer wanted']) {
      assert.equal(before.split(said).length, 2, `${said}, in\n${before}`)
    }
    await asOperator(around.gateway, `deny ${id} --comment no`)
    const after = (await asOperator(around.gateway, `approval show ${id}`)).stdout
    assert.match(after, /^status +denied$/m)
    assert.match(after, / +denied +tap +cli +/)
  })

  test('gives its whole body while it waits, byte for byte', async () => {
    await using around = await asking()
    const body = JSON.stringify({ long: 'x\n'.repeat(100_000) })
    const id = await waits(around, body)
    const out = join(around.gateway.home, 'body.json')
    await asOperator(around.gateway, `approval body ${id} --out ${out}`)
    assert.equal(readFileSync(out, 'utf8'), body)
    await asOperator(around.gateway, `deny ${id}`)
    const gone = await around.gateway.operator('GET', `/approvals/${id}/body`)
    assert.equal(gone.code, 'approval_no_body')
    const after = await around.gateway.does<Detail>('GET', `/approvals/${id}`)
    assert.ok(!after.shown.warnings.some((warning) => warning.includes('The body')), 'nothing to look at twice')
    assert.match(after.text, /^body, drawn: no more/m)
  })

  test('of a call without a body is shown, and has none', async () => {
    await using around = await asking()
    const id = await waits(around, undefined)
    assert.match((await asOperator(around.gateway, `approval show ${id}`)).stdout, /^body: none$/m)
    assert.equal((await around.gateway.operator('GET', `/approvals/${id}/body`)).code, 'approval_no_body')
  })
})
