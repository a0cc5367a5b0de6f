console.log('x') // planted
globalThis.console.error('x') // planted
export const say = console // planted
export const log = { console: 1 }
export const one = log.console
