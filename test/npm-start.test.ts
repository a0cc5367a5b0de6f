import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { claviger } from '../src/cli/testing/cli-process.ts'
import { Gateway, repository } from './instruments/gateway.ts'

const folder = mkdtempSync(join(tmpdir(), 'claviger-npm-'))
after(() => rmSync(folder, { recursive: true }))
const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CLAVIGER|npm)_/i.test(name)))
const env = { ...clean, CLAVIGER_HOME: join(folder, 'home'), CLAVIGER_PORT: '0' }

interface Started {
  readonly npm: ChildProcess
  readonly ready: { readonly url: string; readonly operatorToken?: string; readonly try?: string }
}

async function npmStart(): Promise<Started> {
  const npm = spawn('npm', ['start'], { cwd: repository, env, stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  return new Promise((resolve, reject) => {
    npm.stdout.setEncoding('utf8').on('data', (text) => {
      said += text
      const line = /^claviger ready (\{.*\})$/m.exec(said)
      if (line !== null) resolve({ npm, ready: JSON.parse(line[1]!) })
    })
    npm.on('error', reject)
    npm.on('close', (code) => reject(new Error(`npm start ended with ${code}: ${said}`)))
  })
}

async function stopped({ npm }: Started): Promise<number | null> {
  const closed = once(npm, 'exit')
  npm.kill('SIGTERM')
  await closed
  return npm.exitCode
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/health`).then(
    (answer) => answer.ok,
    () => false,
  )
}

describe('npm start', () => {
  test('gets ready, prints token and a first call once, and drains when npm is told to stop', async () => {
    const first = await npmStart()
    assert.match(first.ready.operatorToken ?? '', /^clv_op_/)
    assert.match(first.ready.try ?? '', /^curl .*\/to\/demo\//)
    assert.ok(await answers(first.ready.url))
    assert.equal(await stopped(first), 0)
    assert.equal(await answers(first.ready.url), false, 'the gateway outlived npm')

    const second = await npmStart()
    assert.deepEqual([second.ready.operatorToken, second.ready.try], [undefined, undefined])
    assert.equal(await stopped(second), 0)
  })
})

test('a first start that finds its port taken loses nothing: the next one prints the token', async () => {
  const home = join(folder, 'second-home')
  const taken = createServer()
  await once(taken.listen(0, '127.0.0.1'), 'listening')
  const port = String((taken.address() as AddressInfo).port)
  const { code, stdout, stderr } = await claviger(['up'], { env: { CLAVIGER_HOME: home, CLAVIGER_PORT: port } })
  assert.deepEqual([code, stdout], [78, ''], stderr)
  await once(taken.close(), 'close')
  await using gateway = await Gateway.start({ env: { CLAVIGER_HOME: home } })
  assert.match(gateway.ready.operatorToken ?? '', /^clv_op_/)
  assert.match(gateway.ready.try ?? '', /^curl /)
})
