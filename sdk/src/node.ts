// `@claviger/sdk/node`: what needs Node: keys in files and behind commands, pinned TLS keys.
export { type CommandSignerOptions, commandSigner } from './node/command-signer.ts'
export { fileSigner, generateKeyFiles, type KeyFiles } from './node/key-file.ts'
export { type PinningOptions, pinnedAgent, pinnedFetch, pinOf } from './node/pinning.ts'
