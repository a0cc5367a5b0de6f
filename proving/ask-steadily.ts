// ask-steadily.ts PORT PATH PER_SECOND MILLISECONDS: GETs at a steady rate over kept connections, in a process of its own so
// that who measures beside it is not slowed by asking. Prints `{ answered, wrong }`.
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

const [port, path, perSecond, forMs] = process.argv.slice(2)
const CONNECTIONS = 64
/** A connection on which more than 16 requests wait is cut. */
const DEPTH = 8
const TICK_MS = 10

const request = `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`
let asked = 0
let answered = 0
let good = 0
const sockets = Array.from({ length: CONNECTIONS }, open)

/** The gateway closes a connection after a thousand requests: another one takes its place. */
function open() {
  const socket = connect(Number(port), '127.0.0.1')
  let waiting = 0
  let left = 900
  socket.setEncoding('latin1')
  let tail = ''
  socket.on('data', (text: string) => {
    const seen = [...`${tail}${text}`.matchAll(/HTTP\/1\.1 (\d{3})/g)]
    // Shorter than what is looked for: nothing is counted twice, and nothing that is cut in two is missed.
    tail = `${tail}${text}`.slice(-11)
    good += seen.filter(([, status]) => status === '200').length
    answered += seen.length
    waiting -= seen.length
  })
  socket.on('error', () => {})
  const ask = () => {
    if (waiting >= DEPTH || left === 0) return
    waiting += 1
    left -= 1
    asked += 1
    socket.write(request)
  }
  return { ask, isUsed: () => left === 0 && waiting === 0, end: () => socket.destroy() }
}

const until = performance.now() + Number(forMs)
for (let turn = 0; performance.now() < until; ) {
  const due = (Number(perSecond) * TICK_MS) / 1_000
  for (let n = 0; n < due; n++) {
    const at = turn++ % CONNECTIONS
    if (sockets[at]?.isUsed()) {
      sockets[at]?.end()
      sockets[at] = open()
    }
    sockets[at]?.ask()
  }
  await wait(TICK_MS)
}
for (let tries = 0; answered < asked && tries < 500; tries++) await wait(TICK_MS)
for (const socket of sockets) socket.end()
process.stdout.write(`${JSON.stringify({ answered, wrong: asked - good })}\n`)
