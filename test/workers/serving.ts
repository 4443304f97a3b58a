import { serve } from "heddle/worker";
import { busy, deaths, effects, many, moving, passing } from "./dags.js";
import { allNested } from "./nested.js";

serve(busy, deaths, effects, many, moving, passing, ...allNested);
