// The operators' listener with a certificate of its own: their pages and passkeys by the public name, without a proxy.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Authority, noOpenssl } from './instruments/certificates.ts'
import { Gateway } from './instruments/gateway.ts'
import { linkFor, Person } from './instruments/person.ts'
import { type Reply, send } from './instruments/send.ts'

const HSTS = 'max-age=31536000'

describe('the operators’ listener with a certificate', { skip: noOpenssl() }, () => {
  let authority: Authority
  let gateway: Gateway
  let port = 0
  before(async () => {
    authority = new Authority()
    const { cert, key } = authority.issue()
    const env = { CLAVIGER_TLS_CERT: cert, CLAVIGER_TLS_KEY: key, CLAVIGER_PUBLIC_URL: 'https://gate.test' }
    gateway = await Gateway.start({ env: { ...env, CLAVIGER_DEMO: 'off' } })
    port = Number(new URL(gateway.ready.operators as string).port)
  })
  after(async () => {
    await gateway?.[Symbol.asyncDispose]()
    authority?.[Symbol.dispose]()
  })

  const ask = (path: string, host: string): Promise<Reply> =>
    send({ port, ca: authority.pem, method: 'GET', path, headers: { host } })

  test('says where it is by the public name, and speaks nothing but TLS', async () => {
    assert.equal(gateway.ready.operators, `https://gate.test:${port}`)
    await assert.rejects(send({ port, method: 'GET', path: '/', headers: { host: `gate.test:${port}` } }))
    const page = await ask('/', `gate.test:${port}`)
    assert.deepEqual([page.status, page.headers['strict-transport-security']], [200, HSTS])
    assert.match(String(page.headers['content-security-policy']), /default-src 'none'/)
    assert.equal((await ask('/', `evil.test:${port}`)).code, 'host_refused')
  })

  test('takes passkeys that are made and used there, for that name; one of localhost is none there', async () => {
    await gateway.does('POST', '/operators', { name: 'ann', role: 'owner' })
    const { link, token } = await linkFor(gateway, 'ann')
    assert.ok(link.startsWith(`https://gate.test:${port}/enrol#`), link)
    const ann = new Person(gateway, { ca: authority.pem })
    const made = await ann.enrols(token)
    assert.equal(made.status, 201, made.text())
    assert.equal((made.json() as { thisMachineOnly: boolean }).thisMachineOnly, false)
    assert.equal((await ann.signsIn()).status, 200)
    assert.equal((await ann.does<{ operator: { name: string } }>('GET', '/people/session')).operator.name, 'ann')
    const here = { ca: authority.pem, origin: `https://localhost:${port}`, authenticator: ann.authenticator }
    assert.equal((await new Person(gateway, here).signsIn()).code, 'passkey_refused')
    const plain = { ca: authority.pem, origin: `http://gate.test:${port}`, authenticator: ann.authenticator }
    assert.equal((await new Person(gateway, plain).send('POST', '/people/sign-in/start')).code, 'origin_refused')
  })
})
