import dns from 'node:dns' // planted
import { createServer, type ClientRequest, request as ask } from 'node:http' // planted
import * as https from 'https' // planted
import { connect } from 'node:net' // planted
import { isIP } from 'node:net'
import type { Agent } from 'undici'
import { Pool } from 'undici' // planted
export { connect as dial } from 'node:tls' // planted

const name = 'net'
await import('node:http2') // planted
await import(name) // planted
process.getBuiltinModule('node:net') // planted
await fetch('https://example.com') // planted
await globalThis.fetch('https://example.com') // planted
new WebSocket('wss://example.com') // planted
const server = { fetch: (a: Agent, b: ClientRequest) => [a, b] }
server.fetch(undefined!, undefined!)
export const used = [dns, createServer, ask, https, connect, isIP, Pool, 'fetch()']
