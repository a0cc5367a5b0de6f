import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { request } from 'undici'
import { z } from 'zod'
import { addressSet } from '../ground/addresses.ts'
import { problemsOf } from '../ground/problem.ts'
import { hostNames } from './check-head.ts'
import { clientAddresses } from './client-address.ts'
import { buildControlPlane } from './control-plane.ts'
import { Answer, bind, endpoint } from './endpoint.ts'
import { type Listener, listenTcp } from './listen.ts'

const body = z.object({ color: z.enum(['red', 'blue']) })
const shared = { method: 'POST', caller: 'anyone', summary: 'Paints', reply: z.object({ color: z.string() }) } as const
const paint = endpoint({
  ...shared,
  path: '/paint',
  body,
  form: true,
  wording: (problem, rid) => ({ status: 418, headers: { 'x-why': problem.code }, body: { error: problem.code, rid } }),
})
const plain = endpoint({ ...shared, path: '/plain', body, form: true })
const json = endpoint({ ...shared, path: '/json', body })
const promised = problemsOf({ no_blue: { status: 409, title: 'There is no blue' } })

let listener: Listener
before(async () => {
  let count = 0
  const nextRid = () => `call_${count++}`
  const handle = ({ body: { color } }: { body: { color: string } }) => {
    if (color === 'blue') throw promised('no_blue')
    return new Answer({ color, more: 'stripped' }, { 'x-color': color })
  }
  const app = await buildControlPlane<undefined>({
    endpoints: [bind(paint, handle), bind(plain, handle), bind(json, handle)],
    authenticate: () => undefined,
    clientOf: clientAddresses(addressSet([])),
    nextRid,
    onBug: () => {},
  })
  listener = await listenTcp(
    { nextRid, hosts: (port) => hostNames('127.0.0.1', port, []), handle: (req, res) => app.routing(req, res) },
    '127.0.0.1',
    0,
  )
})
after(() => listener.close(0))

async function send(path: string, content: string, type = 'application/x-www-form-urlencoded') {
  const url = `http://127.0.0.1:${listener.port}${path}`
  const { statusCode, headers, body } = await request(url, {
    method: 'POST',
    body: content,
    headers: { 'content-type': type },
  })
  return { status: statusCode, headers, json: (await body.json()) as Record<string, unknown> }
}

describe('an endpoint that takes a form', () => {
  test('reads it, passes over what it does not know, and sends headers of its own', async () => {
    const { status, headers, json } = await send(
      '/paint',
      'color=red&size=7',
      'application/x-www-form-urlencoded;charset=UTF-8',
    )
    assert.deepEqual([status, json, headers['x-color']], [200, { color: 'red' }, 'red'])
    assert.equal(headers['cache-control'], 'no-store')
  })

  const refused: readonly (readonly [string, string, string, string?])[] = [
    ['a wrong value', 'color=green', 'request_invalid'],
    ['nothing', '', 'request_invalid'],
    ['a member twice', 'color=red&color=red', 'request_invalid'],
    ['JSON', '{"color":"red"}', 'media_type_refused', 'application/json'],
    ['text', 'color=red', 'media_type_refused', 'text/plain'],
    ['more than 16 KiB', `color=red&note=${'x'.repeat(17_000)}`, 'body_too_large'],
    ['what its handler refuses', 'color=blue', 'no_blue'],
  ]
  for (const [what, content, code, type] of refused) {
    test(`refuses ${what} in its own words, or in ours`, async () => {
      const { status, json, headers } = await send('/paint', content, type)
      assert.deepEqual([status, json.error, headers['x-why']], [418, code, code])
      assert.equal(headers['content-type'], 'application/json; charset=utf-8')
      assert.equal(headers['claviger-request-id'], json.rid)
      assert.equal(headers['cache-control'], 'no-store')
      assert.equal((await send('/plain', content, type)).json.code, code)
    })
  }

  test('is no reason to take a form elsewhere', async () => {
    assert.equal((await send('/json', 'color=red')).json.code, 'media_type_refused')
    assert.equal((await send('/json', '{"color":"red"}', 'application/json')).status, 200)
  })
})
