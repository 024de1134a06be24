/** The light build of hls.js comes without types; it has those of the whole one, less what it leaves out. */
declare module 'hls.js/light' {
  export * from 'hls.js'
  export { default } from 'hls.js'
}
