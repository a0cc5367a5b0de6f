import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import { addressSet } from '../ground/addresses.ts'
import type { CallId } from '../ground/ids.ts'
import { clientAddresses } from './client-address.ts'
import { buildControlPlane } from './control-plane.ts'
import { type Handle, listenTcp } from './listen.ts'
import { httpProblem } from './problems.ts'
import { sendProblem } from './send-problem.ts'

const rid = 'call_1' as CallId
const details = { detail: 'ünïcödé: longer in bytes than in characters' }

/** Everything that is answered to this text, on a connection of its own. */
async function answerOf(handle: Handle, text: string): Promise<Buffer> {
  const listener = await listenTcp({ nextRid: () => rid, hosts: () => new Set(['x']), handle }, '127.0.0.1', 0)
  const socket = connect(listener.port, '127.0.0.1').end(text)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  await listener.close(0)
  return Buffer.concat(chunks)
}

const plane = await controlPlane()

describe('a problem', () => {
  const refuses: Handle = (_, response) => sendProblem(response, httpProblem('caller_refused', details), rid)
  const ways: readonly (readonly [string, Handle, string])[] = [
    ['of the data plane', refuses, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['of a request that could not be read', refuses, 'GET / HTTP/1.1\r\nhost : x\r\n\r\n'],
    ['of the control plane', plane, 'GET /nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'],
  ]
  for (const [where, handle, text] of ways) {
    test(`${where} ends with its line, and says how long it is`, async () => {
      const answer = await answerOf(handle, text)
      const at = answer.indexOf('\r\n\r\n')
      const body = answer.subarray(at + 4)
      const [, length] = /\r\ncontent-length: (\d+)\r\n/i.exec(answer.toString('latin1', 0, at + 4)) ?? []
      assert.equal(Number(length), body.length)
      assert.match(body.toString(), /^\{[^\n]*\}\n$/)
      assert.equal(JSON.parse(body.toString()).requestId, rid)
    })
  }

  test('to HEAD has no body', async () => {
    const answer = await answerOf(refuses, 'HEAD / HTTP/1.1\r\nhost: x\r\n\r\n')
    assert.ok(answer.toString().endsWith('\r\n\r\n'))
  })
})

async function controlPlane(): Promise<Handle> {
  const app = await buildControlPlane<undefined>({
    endpoints: [],
    authenticate: () => undefined,
    clientOf: clientAddresses(addressSet([])),
    nextRid: () => rid,
    onBug: () => {},
  })
  return (request, response) => app.routing(request, response)
}
