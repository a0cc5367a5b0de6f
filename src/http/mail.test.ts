// The server is somebody else's (npm `smtp-server`), on loopback.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { after, describe, test } from 'node:test'
import { Authority } from '../../test/instruments/certificates.ts'
import { MailServer } from '../../test/instruments/mail-server.ts'
import { addressSet } from '../ground/addresses.ts'
import { Secret } from '../ground/secret.ts'
import { createMailer, type MailServer as Server } from './mail.ts'
import { createResolver } from './resolve.ts'

const authority = new Authority()
const stranger = new Authority()
after(() => {
  for (const one of [authority, stranger]) one[Symbol.dispose]()
})
const allowed = addressSet(['127.0.0.1'])
const mailer = createMailer({ resolver: createResolver(), ca: [authority.pem] })
const mail = {
  from: 'claviger@example.com',
  to: 'ann@example.com',
  subject: 'Claviger: "robot" asks',
  text: 'Look.\r\n',
}
const at = (server: MailServer, more: Partial<Server> = {}): Server => ({
  ...{ host: '127.0.0.1', port: server.port, tls: 'starttls', allowed },
  ...more,
})
const account = (password: string) => ({ user: 'claviger', password: Secret.fromText(password) })

describe('a mailer', () => {
  test('hands a mail over after STARTTLS, or by TLS from the first byte, in its account', async () => {
    for (const tls of ['starttls', 'implicit'] as const) {
      const certificate = authority.issue()
      const kept = { user: 'claviger', password: 'right' }
      await using server = await MailServer.start({ certificate, secure: tls === 'implicit', account: kept })
      await mailer.verify(at(server, { tls, account: account('right') }))
      await mailer.send(at(server, { tls, account: account('right') }), mail)
      const [got] = server.received
      assert.deepEqual([got?.from, got?.to, got?.secure, got?.user], [mail.from, [mail.to], true, 'claviger'], tls)
      assert.match(got?.text ?? '', /^Subject: =\?UTF-8\?Q\?Claviger=3A_=22robot=22_asks\?=\r$/m)
    }
  })

  test('says no password, and no mail, where TLS is wanted and not to be had', async () => {
    await using plain = await MailServer.start({ account: { user: 'claviger', password: 'right' } })
    const asked = at(plain, { account: account('right') })
    await assert.rejects(mailer.send(asked, mail), { code: 'mail_refused' })
    await assert.rejects(mailer.verify(at(plain, { account: account('right') })), { code: 'mail_refused' })
    assert.deepEqual([plain.signIns, plain.received], [0, []])
  })

  const certificates = {
    'of another name': () => authority.issue({ names: 'DNS:other.test' }),
    'that is over': () => authority.issue({ days: 0 }),
    'of nobody we know': () => stranger.issue(),
  }
  for (const [what, issue] of Object.entries(certificates)) {
    test(`gives nothing to a server with a certificate ${what}`, async () => {
      for (const tls of ['starttls', 'implicit'] as const) {
        const kept = { user: 'claviger', password: 'right' }
        await using server = await MailServer.start({ certificate: issue(), secure: tls === 'implicit', account: kept })
        const asked = at(server, { tls, account: account('right') })
        await assert.rejects(mailer.send(asked, mail), { name: 'Problem' })
        assert.deepEqual([server.signIns, server.received], [0, []], tls)
      }
    })
  }

  test('tells what a server refuses for good from what may pass', async () => {
    const cases = [
      [550, 'mail_refused'],
      [451, 'mail_failed'],
    ] as const
    for (const [code, problem] of cases) {
      await using server = await MailServer.start({ refuses: { code, says: 'not\u001b[31m here' } })
      await assert.rejects(mailer.send(at(server, { tls: 'off' }), mail), (error: Error & { code: string }) => {
        assert.equal(error.code, problem)
        assert.ok(!error.message.includes('\u001b'), 'nothing in it drives a terminal')
        return true
      })
    }
    const certificate = authority.issue()
    await using server = await MailServer.start({ certificate, account: { user: 'claviger', password: 'right' } })
    await assert.rejects(mailer.verify(at(server, { account: account('wrong') })), { code: 'mail_refused' })
  })

  test('reaches no address inside that an operator did not open', async () => {
    await using server = await MailServer.start()
    await assert.rejects(mailer.send(at(server, { tls: 'off', allowed: undefined }), mail), { code: 'address_refused' })
    const elsewhere = addressSet(['10.0.0.0/8'])
    await assert.rejects(mailer.send(at(server, { tls: 'off', allowed: elsewhere }), mail), { code: 'address_refused' })
    assert.deepEqual(server.received, [])
  })

  test('ends with a server that never does', async () => {
    const dripping = createServer((socket) => {
      socket.on('error', () => {})
      socket.write('220 hi\r\n')
      const drip = setInterval(() => socket.write('250-x\r\n'), 20)
      socket.on('close', () => clearInterval(drip))
    })
    await once(dripping.listen(0, '127.0.0.1'), 'listening')
    const { port } = dripping.address() as AddressInfo
    const asked: Server = { host: '127.0.0.1', port, tls: 'off', allowed }
    const impatient = createMailer({ resolver: createResolver(), wholeMs: 500 })
    await assert.rejects(impatient.verify(asked), { code: 'mail_failed' })
    await assert.rejects(impatient.send(asked, mail), { code: 'mail_failed' })
    dripping.close()
  })

  test('fails where nobody listens, or hangs up', async () => {
    const rude = createServer((socket) => void socket.destroy())
    await once(rude.listen(0, '127.0.0.1'), 'listening')
    const { port } = rude.address() as AddressInfo
    const asked: Server = { host: '127.0.0.1', port, tls: 'off', allowed }
    await assert.rejects(mailer.send(asked, mail), { code: 'mail_failed' })
    rude.close()
    await once(rude, 'close')
    await assert.rejects(mailer.send(asked, mail), { code: 'mail_failed' })
  })
})
