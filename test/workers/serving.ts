import { serve } from "heddle/worker";
import { busy, deaths, effects, many, moving, passing } from "./dags.js";

serve(busy, deaths, effects, many, moving, passing);
