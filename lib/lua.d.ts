/** The build makes `x.lua.js` of each `x.lua`, a module whose default export is the script. So does Jest's transform. */
declare module '*.lua.js' {
  const lua: string;
  export default lua;
}
